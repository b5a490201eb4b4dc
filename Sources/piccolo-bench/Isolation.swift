// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A network and a mount namespace for this process alone: interfaces, named namespaces and programs end with it,
/// however it ends.
enum Isolation {
    private static let marker = "PICCOLO_BENCH_ISOLATED"

    /// Starts this program again inside; returns only there.
    static func enter(cpu: Int) throws {
        guard geteuid() == 0 else { throw BenchError.missing("the right to load programs", remedy: "run as root") }
        try startAgain(["unshare", "--net", "--mount", "--propagation", "private", "nice", "-n", "-20"], cpu: cpu)
        // `ip netns` keeps its names in the one, Open vSwitch its files in the other; the host's are not touched.
        try Command.run("mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns && mount -t tmpfs tmpfs /mnt")
        // A test run without a context comes from loopback.
        try Command.run("ip link set lo up")
    }

    /// Starts this program again on a CPU, and with nothing else of its own; returns only there.
    static func stay(on cpu: Int) throws { try startAgain([], cpu: cpu) }

    private static func startAgain(_ prefix: [String], cpu: Int) throws {
        if getenv(marker) != nil { return }
        setenv(marker, "1", 1)
        let arguments = prefix + ["taskset", "-c", "\(cpu)", executable()] + CommandLine.arguments.dropFirst()
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        pointers.append(nil)
        execvp(arguments[0], pointers)
        throw BenchError.missing("\(arguments[0])(1)", remedy: "install util-linux")
    }

    private static func executable() -> String {
        var path = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &path, path.count - 1)
        return count > 0
            ? String(decoding: path.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
            : CommandLine.arguments[0]
    }

    /// An interface that verdicts may name and nothing is sent by.
    static func idleInterface() throws -> UInt32 {
        try Command.run("ip link add idle0 type veth peer name idle1")
        return if_nametoindex("idle0")
    }
}

/// Runs shell commands; what they say becomes part of the error.
enum Command {
    @discardableResult
    static func run(_ command: String) throws -> String {
        guard let pipe = popen("{ \(command) ; } 2>&1", "r") else {
            throw BenchError.command(command, status: errno, output: "cannot start a shell")
        }
        var output = ""
        var buffer = [CChar](repeating: 0, count: 4096)
        while fgets(&buffer, Int32(buffer.count), pipe) != nil {
            output += String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        let status = pclose(pipe)
        guard status == 0 else { throw BenchError.command(command, status: status >> 8, output: output) }
        return output
    }
}
