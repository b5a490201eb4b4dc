// SPDX-License-Identifier: Apache-2.0
#if Northbound
import Foundation
import Glibc
import Synchronization
import TestSupport

@testable import Soak

/// A node with a card: the card is simulated, in a process of its own. The cable between card and node is a veth pair, and so are the
/// cables in its ports 0 and 2, whose far ends are `far0` and `far2`.
final class CardNode {
    let daemon: LiveDaemon
    private var card: RunningCommand?
    private let stations: Int

    var socket: String { "\(daemon.folder)/card.sock" }

    /// - Parameters:
    ///   - stations: behind the second port, from 02:00:00:00:00:02 on; all of them are sent to.
    ///   - ports, more: of the card in the configuration.
    init(stations: Int = 1, ports: String = "{p1: 0, p2: 2}", more: [String] = []) throws {
        self.stations = stations
        let topology = try RouterTopology(hosts: 1)
        try topology.node.run {
            // Room for the tag.
            try Self.cable("cable0", "cable1", mtu: 1524)
            try Command.check("ethtool", "-K", "cable1", "gro", "on")
            try Self.cable("near0", "far0", mtu: 1500)
            try Self.cable("near2", "far2", mtu: 1500)
        }
        daemon = try LiveDaemon(topology, ports: [])
        let macs = (0..<stations).map { "  - {vlan: 10, mac: \"\(Self.mac($0))\", port: p2}" }.joined(separator: "\n")
        try daemon.configure(
            ports: [],
            portLines: """
                  - {name: p1, interface: rt0, mode: switched, malformed: ignore, learn_macs: false}
                  - {name: p2, interface: rt2, mode: switched, malformed: ignore, learn_macs: false}
                vlans:
                  - {id: 10, tagged: [p1, p2]}
                macs:
                  - {vlan: 10, mac: "02:00:00:00:00:01", port: p1}
                \(macs)
                card:
                  bus: "simulated:\(socket)"
                  ports: \(ports)
                  cpu_port: {interface: cable0}
                  demote: 20pps
                  traits: [{minimum_frame: 60}, {maximum_frame: 1518}]
                \((more.contains { $0.hasPrefix("promote") } ? more : more + ["promote: 100pps"])
                    .map { "  " + $0 }.joined(separator: "\n"))

                """)
    }

    private static func cable(_ one: String, _ other: String, mtu: Int) throws {
        try Command.check(
            "ip", "link", "add", one, "mtu", "\(mtu)", "type", "veth", "peer", "name", other, "mtu", "\(mtu)")
        for end in [one, other] { try Command.check("ip", "link", "set", end, "up") }
    }

    static func mac(_ station: Int) -> String {
        let digits = String(station + 2, radix: 16)
        return "02:00:00:00:00:" + (digits.count < 2 ? "0" : "") + digits
    }

    func startCard() throws {
        let wires = ["0=near0", "2=near2", "host=cable1"].flatMap { ["--wire", $0] }
        card = try daemon.topology.node.run {
            try RunningCommand([Piccolo.path(), "card", "simulate", "--listen", socket] + wires)
        }
        guard eventually({ access(socket, F_OK) == 0 }) else {
            throw Unexpected(description: "the simulated card does not listen: \(card?.errorOutput ?? "")")
        }
    }

    func signalCard(_ signal: Int32) { card?.send(signal: signal) }

    func stopCard(_ signal: Int32 = SIGTERM) {
        card?.send(signal: signal)
        _ = card?.wait(timeout: 10)
        card = nil
    }

    /// Frames of VLAN 10, from the station at the card's first port to those behind the other.
    func startTraffic() throws -> CardTraffic {
        let traffic = try daemon.topology.node.run {
            try CardTraffic((0..<stations).map { CardTraffic.frame(to: UInt8($0 + 2)) })
        }
        try traffic.start()
        return traffic
    }

    struct Status: Decodable {
        struct Card: Decodable {
            var problem: String?
            var placed: Int
            var packets: Int
        }
        struct Count: Decodable {
            var port: String?
            var what: String
            var packets: Int
        }
        var card: Card?
        var cpuPort: [Count]
        var complaints: [String]
    }

    func status() throws -> Status { try daemon.read(Status.self, "status") }

    struct Rule: Decodable {
        var place: String
        var state: String
        var match: String?
        var action: String?
        var actionId: Int?
    }

    /// By the node's memory.
    func rules() throws -> [Rule] {
        let result = try Piccolo.run(["card", "tables", "--state-dir", daemon.stateFolder, "--json"])
        guard result.isSuccess else { throw Unexpected(description: "\(result)") }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode([Rule].self, from: Data(result.output.utf8))
    }

    /// Frames that the card handed up to the node.
    func handedUp() throws -> Int {
        try status().cpuPort.filter { $0.what == "received" }.reduce(0) { $0 + $1.packets }
    }

    func audit() throws -> CommandResult {
        try Piccolo.run(["card", "audit", "--state-dir", daemon.stateFolder, "--socket", socket])
    }

    /// By the cables in its ports, as a real card would be.
    func auditByWire(_ wires: [String] = ["0=far0", "2=far2"]) throws -> CommandResult {
        try daemon.topology.node.run {
            try Piccolo.run(["card", "audit", "--state-dir", daemon.stateFolder] + wires.flatMap { ["--wire", $0] })
        }
    }
}

/// A host at the far end of the cable in the card's port 0, which sends all the time, and what comes out of its ports.
final class CardTraffic: Sendable {
    private let sender: PacketSocket
    /// At port 0 and at port 2.
    private let receivers: [PacketSocket]
    private let frames: [[UInt8]]
    private let isStopped = Atomic(false)
    private let hasEnded = Atomic(false)
    private let sent = Atomic(0)
    private let found = Mutex([0, 0])

    /// In the network namespace of the node.
    init(_ frames: [[UInt8]]) throws {
        self.frames = frames
        sender = try PacketSocket(sendingBy: "far0")
        receivers = try ["far0", "far2"].map { try PacketSocket(receivingAt: $0, bytes: 4 << 20) }
    }

    /// To station 02:00:00:00:00:NN of VLAN 10.
    static func frame(to station: UInt8) -> [UInt8] {
        [2, 0, 0, 0, 0, station, 2, 0, 0, 0, 0, 1, 0x81, 0, 0, 10] + mark + [UInt8](repeating: 0x5a, count: 60)
    }

    /// EtherType for experiments (IEEE 802): who else is on the cable does not send it.
    private static let mark: [UInt8] = [0x88, 0xb5]

    /// Its frames that came back out of port 0, where none of them may, and that came out of port 2.
    var cameOut: (port0: Int, port2: Int) { found.withLock { ($0[0], $0[1]) } }
    var sentSoFar: Int { sent.load(ordering: .relaxed) }

    /// Sends until told to stop, some thousand frames a second.
    func start() throws {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self)
        let result = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<CardTraffic>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, context.toOpaque())
        guard result == 0 else { throw Unexpected(description: "pthread_create: \(result)") }
        pthread_detach(thread)
    }

    func stop() {
        isStopped.store(true, ordering: .sequentiallyConsistent)
        _ = eventually { hasEnded.load(ordering: .sequentiallyConsistent) }
    }

    private func run() {
        let stride = 2048
        var lengths = [UInt16](repeating: 0, count: PacketSocket.batch)
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: stride * PacketSocket.batch, alignment: 16)
        defer { buffer.deallocate() }
        while !isStopped.load(ordering: .relaxed) {
            for frame in frames where sender.send(frame) { sent.add(1, ordering: .relaxed) }
            usleep(1000)
            for (place, receiver) in receivers.enumerated() {
                let count = receiver.receive(buffer, stride, &lengths)
                // The kernel may have taken the tag off.
                let marks = (0..<count).count { index in
                    let frame = UnsafeRawBufferPointer(start: buffer + index * stride, count: Int(lengths[index]))
                    return frame.count >= 18
                        && (frame[12..<14].elementsEqual(Self.mark) || frame[16..<18].elementsEqual(Self.mark))
                }
                found.withLock { $0[place] += marks }
            }
        }
        hasEnded.store(true, ordering: .sequentiallyConsistent)
    }
}
#endif
