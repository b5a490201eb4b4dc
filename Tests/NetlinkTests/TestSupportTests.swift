// SPDX-License-Identifier: Apache-2.0
import Glibc
import Netlink
import TestSupport
import Testing

@Suite("What the tests stand on")
struct TestSupportTests {
    @Test("a command gives both outputs and its exit code, and sees what is added to the environment")
    func outputs() throws {
        let result = try Command.run(
            ["sh", "-c", "echo out $PICCOLO_WORD; echo err >&2; exit 3"], environment: ["PICCOLO_WORD": "word"])
        #expect(result.output == "out word\n")
        #expect(result.errorOutput == "err\n")
        #expect(result.status == 3)
    }

    @Test("a command ended by a signal gives 128 and the signal's number")
    func signal() throws {
        var command = try RunningCommand(["sleep", "1000"])
        command.send(signal: SIGTERM)
        #expect(command.wait(timeout: 60) == 128 + SIGTERM)
    }

    @Test("a command that is not there is an error with its name")
    func missing() {
        let error = #expect(throws: CommandFailure.self) { try Command.run(["piccolo-no-such-command"]) }
        #expect(error?.description.contains("piccolo-no-such-command: ENOENT") == true)
    }

    @Test("a command's owner takes the command and its children away")
    func ownership() throws {
        let child: pid_t
        do {
            var command = try RunningCommand(["sh", "-c", "sleep 1000 & echo $!; wait"])
            #expect(command.waitForOutput { $0.contains("\n") })
            child = try #require(pid_t(command.output.dropLast()))
            #expect(kill(child, 0) == 0)
        }
        // The kernel removes an orphan at its own time: ask until it is gone.
        for _ in 0..<10000 where isAlive(child) { usleep(1000) }
        #expect(!isAlive(child))
    }

    @Test("a namespace left behind is found by name", .requiresKernel)
    func leftovers() throws {
        let name = "piccolo-test-left-\(getpid())"
        let before = try Leftovers(prefix: name)
        _ = try NetworkNamespace.create(named: name).identity
        let found = try Leftovers(prefix: name).added(since: before)
        try NetworkNamespace.delete(named: name)
        #expect(found == ["network namespace \(name)"])
        #expect(try Leftovers(prefix: name).added(since: before).isEmpty)
    }

    /// A process that has ended but waits to be reaped by init counts as gone.
    private func isAlive(_ process: pid_t) -> Bool {
        guard let file = fopen("/proc/\(process)/stat", "r") else { return false }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 512)
        let count = fread(&bytes, 1, bytes.count, file)
        return !String(decoding: bytes.prefix(count), as: UTF8.self).contains(") Z ")
    }
}
