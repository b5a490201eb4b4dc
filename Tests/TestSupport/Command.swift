// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import Netlink

/// What a finished command left.
public struct CommandResult: Sendable, CustomStringConvertible {
    /// The command line.
    public let command: [String]
    /// Exit code, or 128 plus the number of the signal that ended it.
    public let status: Int32
    /// Standard output.
    public let output: String
    /// Standard error.
    public let errorOutput: String

    /// Whether it exited with 0.
    public var isSuccess: Bool { status == 0 }

    /// Command line, status and both outputs.
    public var description: String {
        "\(command.joined(separator: " ")): status \(status)\n\(output)\(errorOutput)"
    }
}

/// A command could not be started, or did not do what the test needs.
public struct CommandFailure: Error, CustomStringConvertible {
    /// What happened.
    public let description: String
}

/// Runs commands in the calling thread's network namespace.
public enum Command {
    /// Runs a command to its end; it is killed after `timeout` seconds.
    ///
    /// `environment` is added to the process's own. Standard input is empty.
    public static func run(
        _ arguments: [String], environment: [String: String] = [:], timeout: Double = 60
    ) throws -> CommandResult {
        var command = try RunningCommand(arguments, environment: environment)
        guard let status = command.wait(timeout: timeout) else {
            throw CommandFailure(
                description: "\(arguments.joined(separator: " ")) still ran after \(timeout) s\n"
                    + command.output + command.errorOutput)
        }
        return CommandResult(
            command: arguments, status: status, output: command.output, errorOutput: command.errorOutput)
    }

    /// Runs a command that must succeed, and returns its standard output.
    @discardableResult
    public static func check(_ arguments: String..., timeout: Double = 60) throws -> String {
        let result = try run(arguments, timeout: timeout)
        guard result.isSuccess else { throw CommandFailure(description: result.description) }
        return result.output
    }
}

/// A command that runs beside the test. It is killed and reaped when its owner goes away.
public struct RunningCommand: ~Copyable {
    /// The process, and the process group it leads.
    public let processID: pid_t
    // Files rather than pipes: no reader is needed, and nobody waits for a grandchild that holds a pipe open.
    private let outputFile: ScratchFile
    private let errorFile: ScratchFile
    private var status: Int32?

    /// Starts a command, found by `PATH`, in the calling thread's network namespace.
    public init(_ arguments: [String], environment: [String: String] = [:]) throws {
        let standardOutput = try ScratchFile.make()
        let standardError = try ScratchFile.make()
        processID = try Self.spawn(arguments, environment, standardOutput.number, standardError.number)
        outputFile = standardOutput
        errorFile = standardError
    }

    deinit {
        if status == nil {
            kill(-processID, SIGKILL)
            var ignored: Int32 = 0
            while waitpid(processID, &ignored, 0) < 0, errno == EINTR {}
        }
    }

    private static func spawn(
        _ arguments: [String], _ environment: [String: String], _ output: Int32, _ errorOutput: Int32
    ) throws -> pid_t {
        guard let program = arguments.first else { throw CommandFailure(description: "an empty command") }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, errorOutput, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        // Tests run on threads that block signals; a command that inherits that could not be told to end.
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        let merged = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        var argv = arguments.map { strdup($0) } + [nil]
        var envp = merged.map { strdup("\($0)=\($1)") } + [nil]
        var child: pid_t = 0
        let error = posix_spawnp(&child, program, &actions, &attributes, &argv, &envp)
        for pointer in argv + envp { free(pointer) }
        posix_spawn_file_actions_destroy(&actions)
        posix_spawnattr_destroy(&attributes)
        guard error == 0 else {
            throw CommandFailure(description: "cannot start \(program): \(ErrorNumber(error))")
        }
        return child
    }

    /// Standard output so far.
    public var output: String { outputFile.contents }
    /// Standard error so far.
    public var errorOutput: String { errorFile.contents }

    /// Whether it has ended.
    public mutating func hasEnded() -> Bool {
        if status != nil { return true }
        var raw: Int32 = 0
        guard waitpid(processID, &raw, WNOHANG) == processID else { return false }
        let signal = raw & 0x7f
        status = signal == 0 ? raw >> 8 & 0xff : 128 + signal
        return true
    }

    /// Waits for the end; nil if it does not come within `timeout` seconds.
    public mutating func wait(timeout: Double) -> Int32? {
        let deadline = Date(timeIntervalSinceNow: timeout)
        while !hasEnded() {
            guard Date() < deadline else { return nil }
            usleep(1000)
        }
        return status
    }

    /// Waits until `condition` holds of standard output; false if the command ends or `timeout` seconds pass first.
    public mutating func waitForOutput(timeout: Double = 30, _ condition: (String) -> Bool) -> Bool {
        let deadline = Date(timeIntervalSinceNow: timeout)
        while true {
            // Asked before reading, so that the last words of a command that ends are still seen.
            let ended = hasEnded()
            if condition(output) { return true }
            guard !ended, Date() < deadline else { return false }
            usleep(5000)
        }
    }

    /// Sends a signal to the command alone.
    public func send(signal: Int32) {
        if status == nil { kill(processID, signal) }
    }
}

/// A file without a name that holds a command's output.
private struct ScratchFile: ~Copyable {
    let number: Int32

    static func make() throws -> ScratchFile {
        let path = "/tmp/piccolo-test-\(getpid())-\(UInt64.random(in: 0 ... .max))"
        let number = open(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o600)
        guard number >= 0 else { throw CommandFailure(description: "cannot make \(path): \(ErrorNumber(errno))") }
        unlink(path)
        return ScratchFile(number: number)
    }

    deinit {
        close(number)
    }

    var contents: String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = pread(number, &chunk, chunk.count, off_t(bytes.count))
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(contentsOf: chunk[..<count])
        }
    }
}
