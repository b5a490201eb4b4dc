// SPDX-License-Identifier: Apache-2.0
#if Northbound
import Foundation
import Glibc
import Soak
import TestSupport
import Testing

/// `tools/soak restart`, as a process of its own: its threads are not those that run tests.
@Suite("Restarts", .requiresKernel)
struct RestartTests {
    private func soak(_ options: [String]) throws -> CommandResult {
        try Command.run([Piccolo.path(of: "piccolo-soak"), "restart"] + options, timeout: 900)
    }

    /// Runs it with a folder that is gone afterwards.
    private func soakInPassing(_ options: [String]) throws -> CommandResult {
        let folder = "/tmp/piccolo-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        return try soak(options + ["--folder", folder])
    }

    @Test("nobody notices that a daemon was killed, at 20 random instants, and came back")
    func killed() throws {
        let result = try soak(["--seeds", "20", "--verbose"])
        #expect(result.isSuccess, "\(result)")
    }

    @Test("what a restart must not do is noticed", arguments: Sabotage.allCases)
    func notices(_ sabotage: Sabotage) throws {
        let options = ["--seeds", "1", "--only", "start", "--flows", "200", "--rate", "4000"]
        let result = try soakInPassing(options + ["--sabotage", sabotage.rawValue])
        #expect(result.status == 1)
        #expect(result.output.contains("\n    \(sabotage.check): "), "\(result)")
    }
}
#endif
