// SPDX-License-Identifier: Apache-2.0
import BPF
import Glibc
import TestSupport
import Testing

/// As `struct basic_key` and friends in `bpf/tests/basic.bpf.c`.
struct BasicKey: BitwiseCopyable, Hashable, Sendable {
    var a: UInt32
    var b: UInt32
}

struct BasicValue: BitwiseCopyable, Hashable, Sendable {
    var count: UInt64
    var bytes: UInt64
}

struct BasicEvent: BitwiseCopyable {
    var sequence: UInt64
    var length: UInt32
    var interface: UInt32
}

func openBasic() throws -> OpenObject { try OpenObject(name: "basic", base64: BasicObject.base64) }
func loadBasic() throws -> LoadedObject { try openBasic().load() }

let pass: UInt32 = 2
let frame = [UInt8](repeating: 0x11, count: 12) + [0x08, 0x00] + [UInt8](repeating: 0x45, count: 46)

struct CommandFailure: Error { var command: String }

/// Runs `ip` with these arguments in the calling thread's namespaces.
func ip(_ arguments: String) throws {
    var words: [UnsafeMutablePointer<CChar>?] = (["ip"] + arguments.split(separator: " ").map(String.init))
        .map { strdup($0) }
    defer { for word in words { free(word) } }
    words.append(nil)
    var child = pid_t()
    guard posix_spawnp(&child, "ip", nil, nil, words, environ) == 0 else { throw CommandFailure(command: arguments) }
    var status: Int32 = 0
    waitpid(child, &status, 0)
    guard status == 0 else { throw CommandFailure(command: arguments) }
}

/// A veth pair, both ends up; their interface indices.
func makeVeth(_ left: String = "left", _ right: String = "right") throws -> (left: UInt32, right: UInt32) {
    try ip("link add \(left) type veth peer name \(right)")
    try ip("link set \(left) up")
    try ip("link set \(right) up")
    return (if_nametoindex(left), if_nametoindex(right))
}
