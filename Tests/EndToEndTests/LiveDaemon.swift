// SPDX-License-Identifier: Apache-2.0
import BPF
import Foundation
import Glibc
import Netlink
import TestSupport
import Testing

/// A daemon on the node of a topology, with a state, a socket and a configuration of its own.
final class LiveDaemon {
    let topology: RouterTopology
    /// Configuration and socket are in here.
    let folder: String
    let pinPath: String
    var socket: String { "\(folder)/node.sock" }
    var configurationFile: String { "\(folder)/node.yaml" }
    /// What the node remembers; another path for what a test mounts.
    lazy var stateFolder = "\(folder)/state"
    /// Else it is to remember its configuration.
    var givesFile = true
    private var process: RunningCommand?
    /// Not, if the state was given: it is another daemon's.
    private let ownsState: Bool
    /// Programs seen at ports: to be gone in the end.
    private var programs: Set<UInt32> = []

    /// Writes the configuration: ports with the addresses of the topology's, and `more`.
    init(
        _ topology: RouterTopology, ports: [Int]? = nil, portLines: String = "", limits: String? = nil,
        pinPath: String? = nil, _ more: String = ""
    ) throws {
        guard pinPath != nil || BPFFileSystem.contains("/sys/fs/bpf") else {
            throw Unexpected(description: "these tests pin: mount -t bpf bpf /sys/fs/bpf")
        }
        self.topology = topology
        let unique = "piccolo-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        folder = "/tmp/\(unique)"
        self.pinPath = pinPath ?? "/sys/fs/bpf/\(unique)"
        ownsState = pinPath == nil
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try configure(ports: ports, portLines: portLines, limits: limits, more)
    }

    deinit {
        process = nil
        try? FileManager.default.removeItem(atPath: folder)
        guard ownsState else { return }
        // Links that a killed daemon leaves on purpose; unpinned, they are gone.
        try? BPFFileSystem.removeDirectory(pinPath)
        unlink(lock)
    }

    private var lock: String { "/run/piccolo/\(pinPath.split(separator: "/").joined(separator: "-")).lock" }

    /// Writes the configuration anew; a running daemon reads it when told to.
    func configure(ports: [Int]? = nil, portLines: String = "", limits: String? = nil, _ more: String = "") throws {
        var lines = ["pin_path: \(pinPath)"]
        lines.append("limits: {\(limits ?? "ipv4_flows: 8192, ipv6_flows: 2048, routes: 1024"), macs: 1024}")
        lines.append("ports:")
        for number in ports ?? Array(1...topology.hosts.count) {
            lines.append("  - name: p\(number)")
            lines.append("    addresses: [\"10.0.\(number).1/24\", \"fd00:\(number)::1/64\"]")
        }
        try (lines.joined(separator: "\n") + "\n" + portLines + more)
            .write(toFile: configurationFile, atomically: true, encoding: .utf8)
    }

    // MARK: The process

    /// Starts `piccolo run`, and waits until clients can connect.
    ///
    /// - Parameter wrapper: a command that starts it in its turn, without staying between.
    func start(_ options: [String] = [], by wrapper: [String] = []) throws {
        try launch(options, by: wrapper)
        guard eventually({ log.contains("event=listening") || (process?.hasEnded() ?? true) }),
            log.contains("event=listening")
        else { throw Unexpected(description: "the daemon does not listen:\n\(log)") }
        notePrograms()
    }

    /// Starts `piccolo run`, and does something until it listens, and at least once.
    func startWhile(_ body: () throws -> Void) throws {
        try launch([], by: [])
        try body()
        guard eventually({ log.contains("event=listening") || (process?.hasEnded() ?? true) }),
            log.contains("event=listening")
        else { throw Unexpected(description: "the daemon does not listen:\n\(log)") }
        notePrograms()
    }

    /// Starts `piccolo run` that is to be refused; its exit status and what it says.
    func startRefused(_ options: [String] = [], by wrapper: [String] = []) throws -> (status: Int32?, log: String) {
        try launch(options, by: wrapper)
        let status = process?.wait(timeout: 30)
        let log = log
        process = nil
        return (status, log)
    }

    private func launch(_ options: [String], by wrapper: [String]) throws {
        let command =
            try wrapper + [Piccolo.path(), "run", "--socket", socket, "--state-dir", stateFolder]
            + (givesFile ? ["--config", configurationFile] : []) + options
        process = try topology.node.run { try RunningCommand(command) }
    }

    var processID: pid_t { process?.processID ?? 0 }

    /// What it has said.
    var log: String { process?.errorOutput ?? "" }

    func send(signal: Int32) { process?.send(signal: signal) }

    /// Sends a signal that ends it, and waits for the end; the exit status.
    @discardableResult
    func stop(_ signal: Int32 = SIGTERM) throws -> Int32 {
        notePrograms()
        process?.send(signal: signal)
        return try end()
    }

    /// Waits for the end; the exit status.
    func end() throws -> Int32 {
        guard let status = process?.wait(timeout: 30) else {
            throw Unexpected(description: "the daemon does not end:\n\(log)")
        }
        if status != 0, status != 128 + SIGKILL { Issue.record("exit status \(status):\n\(log)") }
        process = nil
        return status
    }

    /// Waits until the log says it.
    func logSays(_ text: String) -> Bool { eventually { log.contains(text) } }

    // MARK: Clients

    func ask(_ arguments: String...) throws -> CommandResult { try ask(arguments) }

    func ask(_ arguments: [String]) throws -> CommandResult { try Piccolo.run(arguments + ["--socket", socket]) }

    /// A command that must succeed, its JSON read as what is wanted.
    func read<Value: Decodable>(_ type: Value.Type = Value.self, _ arguments: String...) throws -> Value {
        let result = try ask(arguments + ["--json"])
        guard result.isSuccess else { throw Unexpected(description: result.description) }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(type, from: Data(result.output.utf8))
    }

    func status() throws -> StatusReport { try read(StatusReport.self, "status") }
    func statistics() throws -> Statistics { try read(Statistics.self, "stats") }
    func flows() throws -> [Flow] { try read([Flow].self, "flow", "list") }

    func port(_ name: String) throws -> Port {
        guard let port = try read([Port].self, "port", "list").first(where: { $0.port == name }) else {
            throw Unexpected(description: "no port \(name)")
        }
        return port
    }

    // MARK: The kernel's side

    /// The XDP program at one of the node's interfaces; nil if there is none.
    func program(at interface: String) throws -> UInt32? {
        var netlink = try NetlinkSocket(in: topology.node)
        return try netlink.link(named: interface).xdp.first?.programID
    }

    func interfaceIndex(_ name: String) throws -> Int32 {
        var netlink = try NetlinkSocket(in: topology.node)
        return try netlink.link(named: name).index
    }

    /// The kernel's id of the link pinned for an interface.
    func linkID(of interface: String) throws -> UInt32 {
        try XDPLink(pinned: "\(pinPath)/link-\(interfaceIndex(interface))").id
    }

    private func notePrograms() {
        for host in topology.hosts {
            if let id = try? program(at: host.port) { programs.insert(id) }
        }
    }

    /// What a daemon that ended cleanly has left, in words; to be empty. The kernel frees programs a moment after their last user.
    func leftovers() throws -> [String] {
        var found: [String] = []
        _ = eventually(timeout: 10) {
            found = []
            for host in topology.hosts {
                if let id = try? program(at: host.port) { found.append("program \(id) at \(host.port)") }
            }
            for id in programs where (try? Program(id: id)) != nil { found.append("program \(id) in the kernel") }
            return found.isEmpty
        }
        for path in [pinPath, lock, socket, "\(socket).lock"] where access(path, F_OK) == 0 { found.append(path) }
        return found
    }
}

/// Waits until a condition holds; false if it does not in time, which no test may depend on being short.
func eventually(timeout: Double = 20, _ condition: () throws -> Bool) rethrows -> Bool {
    try holdsEventually(timeout: timeout, condition)
}

// MARK: What clients print

struct StatusReport: Decodable {
    var pid: Int32
    var generation: Int
    var portsUp: Int
    var complaints: [String]
    struct State: Decodable {
        var condition: String
        var problem: String?
        var message: String?
        var amendments: Int
    }
    var state: State?
    struct Start: Decodable {
        /// `adopted` or `new`.
        var tables: String
        var checked: Int
        var repaired: Int
        var failed: Int
    }
    var start: Start?
}

struct Port: Decodable {
    var port: String
    var interfaceIndex: Int32
    var up: Bool
    var mtu: Int
    var attachMode: String
    var attachReason: String
}

struct Flow: Decodable {
    var source: String
    var destination: String
    var sourcePort: Int?
    var generation: Int?
    var packets: Int
}

struct Statistics: Decodable {
    struct Verdict: Decodable {
        var port: String
        var disposition: String
        var reason: String
        var packets: Int
    }
    struct Flows: Decodable {
        var installed: Int
        var refused: Int
        var rejected: Int
    }
    var verdicts: [Verdict]
    var flows: Flows

    func packets(_ disposition: String, _ reason: String? = nil) -> Int {
        verdicts.filter { $0.disposition == disposition && (reason == nil || $0.reason == reason) }
            .reduce(0) { $0 + $1.packets }
    }
}
