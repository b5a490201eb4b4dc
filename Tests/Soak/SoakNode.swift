// SPDX-License-Identifier: Apache-2.0
import BPF
import Foundation
import Glibc
import Netlink
import TestSupport

/// A node and its daemon, which dies and returns while topology, configuration and state stay.
public final class SoakNode {
    public let topology: RouterTopology
    public let paths: SoakPaths
    public let options: SoakDaemonOptions
    private var process: RunningCommand?
    /// Daemons started so far.
    public private(set) var lives = 0

    /// Makes the topology, quiet but for what the harness sends: all neighbours are known beforehand, and host 2 keeps no
    /// addresses, so that it takes packets without answering.
    public init(folder: String, options: SoakDaemonOptions) throws {
        guard BPFFileSystem.contains("/sys/fs/bpf") else {
            throw Unexpected(description: "a daemon pins: mount -t bpf bpf /sys/fs/bpf")
        }
        self.options = options
        let unique = "piccolo-soak-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        paths = SoakPaths(folder: folder, pinPath: "/sys/fs/bpf/\(unique)")
        topology = try RouterTopology.forXDP(hosts: 3)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try settleNeighbors()
        for variant in SoakConfiguration.Variant.allCases {
            try paths.text(variant).write(toFile: paths.file(variant), atomically: true, encoding: .utf8)
        }
        try paths.write(.plain)
    }

    deinit {
        process = nil
        removeState()
        unlink(paths.stateLock)
    }

    private func settleNeighbors() throws {
        var node = try NetlinkSocket(in: topology.node)
        for host in topology.hosts {
            let index = try node.link(named: host.port).index
            for family in AddressFamily.allCases {
                try node.setNeighbor(
                    Neighbor(linkIndex: index, address: host.address(family), linkLayerAddress: host.macAddress))
            }
        }
        let two = topology.hosts[1]
        let index = try node.link(named: two.port).index
        for (text, family) in [(SoakRoutes.prefix4, AddressFamily.v4), (SoakRoutes.prefix6, .v6)] {
            guard let prefix = InternetPrefix(text) else { continue }
            try node.addRoute(Route(to: prefix, via: [.init(gateway: two.address(family), linkIndex: index)]))
        }
        var inner = try NetlinkSocket(in: two.namespace)
        let own = try inner.link(named: "eth0").index
        for address in try inner.addresses(of: own) where two.has(address.prefix.address) {
            try inner.removeAddress(address.prefix, from: own)
        }
    }

    // MARK: The process

    /// Starts `piccolo run`.
    public func launch() throws {
        var command = [
            try Piccolo.path(), "run", "--config", paths.configurationFile, "--socket", paths.socket, "--keep-on-exit",
        ]
        if options.hasState { command += ["--state-dir", paths.stateFolder] }
        lives += 1
        process = try topology.node.run { try RunningCommand(command) }
    }

    /// Waits until clients can connect.
    public func waitUntilListening() throws {
        let deadline = Date(timeIntervalSinceNow: 60)
        while !log.contains("event=listening") {
            guard !(process?.hasEnded() ?? true), Date() < deadline else {
                throw Unexpected(description: "the daemon does not listen:\n\(log.suffix(4000))")
            }
            usleep(3000)
        }
    }

    public var processID: pid_t { process?.processID ?? 0 }
    public var isRunning: Bool { !(process?.hasEnded() ?? true) }

    /// What the living or last daemon has said.
    public private(set) var log: String {
        get { process?.errorOutput ?? lastLog }
        set { lastLog = newValue }
    }
    private var lastLog = ""

    /// Sends a signal that ends it, and waits for the end.
    public func end(by signal: Int32) throws {
        process?.send(signal: signal)
        try waitForEnd()
    }

    public func waitForEnd() throws {
        guard let status = process?.wait(timeout: 60) else {
            throw Unexpected(description: "the daemon does not end:\n\(log.suffix(4000))")
        }
        try keepLog()
        process = nil
        guard status == 0 || status == 128 + SIGKILL else {
            throw Unexpected(description: "the daemon ended with status \(status):\n\(log.suffix(4000))")
        }
    }

    /// Writes what the daemon has said so far to a file; which.
    @discardableResult
    public func keepLog() throws -> String {
        let path = "\(paths.folder)/daemon-\(lives).log"
        let text = log
        lastLog = text
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    /// Kills the daemon, if there is one, and removes all there is of the node but its topology.
    public func removeState() {
        process?.send(signal: SIGKILL)
        _ = process?.wait(timeout: 10)
        process = nil
        try? BPFFileSystem.removeDirectory(paths.pinPath)
        try? FileManager.default.removeItem(atPath: paths.stateFolder)
    }

    // MARK: The host

    /// Packets the interfaces on the way have dropped: `p1 receive`, `eth0 of host 2 receive` and so on.
    func interfaceDrops() throws -> [String: Int] {
        var drops: [String: Int] = [:]
        for (key, value) in try topology.node.run({ try Self.drops() }) { drops[key] = value }
        for host in topology.hosts {
            for (key, value) in try host.namespace.run({ try Self.drops() }) {
                drops["\(key) of host \(host.number)"] = value
            }
        }
        return drops
    }

    /// `/proc/net/dev`: after the name 8 fields of what was received (the fourth: dropped) and 8 of what was sent.
    private static func drops() throws -> [String: Int] {
        var drops: [String: Int] = [:]
        for line in try String(contentsOfFile: "/proc/thread-self/net/dev", encoding: .utf8).split(separator: "\n") {
            let fields = line.split(whereSeparator: { $0 == " " || $0 == ":" })
            guard fields.count >= 17, let received = Int(fields[4]), let sent = Int(fields[12]) else { continue }
            drops["\(fields[0]) receive"] = received
            drops["\(fields[0]) send"] = sent
        }
        return drops
    }
}

/// What the daemon of this build can do, asked of itself.
public struct SoakDaemonOptions: Sendable {
    public var hasState: Bool
    public var hasApply: Bool
    public var hasReconcile: Bool
    public var hasReplacement: Bool

    public init() throws {
        let run = try Piccolo.run(["help", "run"]).output
        let all = try Piccolo.run(["help"]).output
        let commands = Set(
            all.split(separator: "\n").filter { $0.hasPrefix("  ") }
                .compactMap { $0.split(separator: " ").first.map(String.init) })
        hasState = run.contains("--state-dir")
        hasApply = commands.contains("apply")
        hasReconcile = commands.contains("reconcile")
        hasReplacement = commands.contains("program")
    }
}

extension RouterTopology.Host {
    fileprivate func has(_ address: InternetAddress) -> Bool {
        AddressFamily.allCases.contains { self.address($0) == address }
    }
}
