// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport

/// A BPF object file with one program that passes every packet, compiled by the toolchain's clang.
final class MinimalXDPObject {
    let path: String

    init() throws {
        path = "/tmp/piccolo-test-\(UUID().uuidString).bpf.o"
        let source = "/tmp/piccolo-test-\(UUID().uuidString).bpf.c"
        defer { try? FileManager.default.removeItem(atPath: source) }
        try """
        __attribute__((section("xdp"), used)) int pass(void *context) { return 2; }
        char _license[] __attribute__((section("license"), used)) = "GPL";
        """.write(toFile: source, atomically: true, encoding: .utf8)
        try Command.check("clang", "-target", "bpf", "-O2", "-c", source, "-o", path)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }
}
