// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Glibc
import XDPDataPlane

/// Kills a process that writes tables, at random instants, again and again; each next one has to find its way.
struct KillCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kill",
        abstract: "Kill a process that writes tables at random instants; the next one takes over and repairs.",
        discussion: """
            What was acknowledged before the kill must be there, or made to be there; what was being written may be there or not, \
            as it was stored or not. A second comparison must find nothing, all tables must be as the reference's, and packets must \
            go the same way through both. Needs root and a BPF file system.
            """)

    @Option(help: "Kills in all.") var rounds = 40
    @Option(help: "Seed of what is written and when it ends.") var seed: UInt64 = 1
    @Option(help: "Kills before the tables are made anew.") var perNode = 10
    @Option(help: "Directory on a BPF file system, which is removed in the end.")
    var directory = "/sys/fs/bpf/piccolo-fuzz-\(getpid())"

    /// What one process did before it was killed.
    private struct Life {
        var steps: Int
        /// nil: it was killed before it had taken over.
        var ready: (adopted: Bool, found: Int)?
    }

    func run() throws {
        var random = SystemRandom(state: seed)
        var (early, adopted, found, written) = (0, 0, 0, 0)
        var steps = 0
        for round in 0..<rounds {
            let node = seed &+ UInt64(round / max(perNode, 1))
            if round % max(perNode, 1) == 0 {
                try clear()
                steps = 0
            }
            let life = try live(node, steps, &random)
            written += life.steps - steps
            if let ready = life.ready {
                adopted += ready.adopted ? 1 : 0
                found += ready.found
            } else {
                early += 1
            }
            // The step that was being written was stored, or it was not.
            steps = life.steps + Int(random.next() % 2)
        }
        try clear()
        guard access(directory, F_OK) != 0 else { throw ValidationError("\(directory) is still there") }
        print(
            "\(rounds) kills, \(early) of them before the tables were taken over; \(written) steps written; "
                + "taken over \(adopted) times, \(found) discrepancies repaired, none left (seed \(seed))")
    }

    /// Starts a process and kills it.
    private func live(_ node: UInt64, _ from: Int, _ random: inout SystemRandom) throws -> Life {
        let child = try Child(
            [executable(), "write", "--seed", "\(node)", "--from", "\(from)", "--directory", directory])
        if random.next() % 4 != 0 {
            // Until it writes, or says why it cannot.
            child.waitForLine()
            usleep(UInt32(random.next() % 60_000))
        } else {
            usleep(UInt32(random.next() % 400_000))
        }
        let (lines, wasKilled) = child.kill()
        guard wasKilled else { throw ValidationError("seed \(node), step \(from): \(lines.joined(separator: "\n"))") }
        var life = Life(steps: from)
        for line in lines {
            let words = line.split(separator: " ").compactMap { Int($0) }
            if line.hasPrefix("ready"), words.count == 2 {
                life.ready = (words[0] == 1, words[1])
            } else if let step = words.first, words.count == 1 {
                life.steps = step
            }
        }
        return life
    }

    private func executable() -> String {
        var path = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &path, path.count - 1)
        return String(decoding: path.prefix(max(count, 0)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private func clear() throws {
        guard access(directory, F_OK) == 0 else { return }
        try XDPDataPlane(WriteCommand.configuration(seed: seed, directory: directory)).detachAll()
    }
}

/// A process whose output is read.
private final class Child {
    private var processID: pid_t = 0
    private let output: Int32
    private var bytes: [UInt8] = []

    init(_ arguments: [String]) throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw ValidationError("pipe: errno \(errno)") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO)
        var pointers = arguments.map { strdup($0) } + [nil]
        let status = posix_spawn(&processID, arguments[0], &actions, nil, &pointers, environ)
        for pointer in pointers { free(pointer) }
        posix_spawn_file_actions_destroy(&actions)
        close(ends[1])
        output = ends[0]
        guard status == 0 else { throw ValidationError("cannot start \(arguments[0]): errno \(status)") }
    }

    deinit { close(output) }

    /// Returns false at the end.
    private func read() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 4096)
        let count = Glibc.read(output, &chunk, chunk.count)
        if count > 0 { bytes += chunk[..<count] }
        return count > 0
    }

    func waitForLine() { while !bytes.contains(UInt8(ascii: "\n")), read() {} }

    /// What it has said, in lines, and whether it was this that ended it.
    func kill() -> (lines: [String], wasKilled: Bool) {
        Glibc.kill(processID, SIGKILL)
        while read() {}
        var status: Int32 = 0
        waitpid(processID, &status, 0)
        return (
            String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init), status & 0x7f == SIGKILL
        )
    }
}

/// SplitMix64, for instants.
private struct SystemRandom {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }
}
