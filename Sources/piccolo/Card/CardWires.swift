// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import FlowEngineDriver
import FlowEngineSimulator
import Glibc
import Netlink
import Synchronization

/// `0=eth1`: a port of a card and the interface of this host that is cabled to it; `host=eth1`: the card's port to its host.
struct WireArgument: ExpressibleByArgument {
    /// nil: the host's.
    let port: Int?
    let interface: String

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, !parts[1].isEmpty else { return nil }
        interface = parts[1]
        if parts[0] == "host" {
            port = nil
        } else {
            guard let port = Int(parts[0]), (0...15).contains(port), parts[0].first?.isNumber == true else {
                return nil
            }
            self.port = port
        }
    }
}

extension WireArgument {
    /// Opens them; none may be named twice.
    static func open(_ arguments: [WireArgument]) throws(CommandFailure) -> [(port: Int?, wire: PacketWire)] {
        var wires: [(port: Int?, wire: PacketWire)] = []
        for argument in arguments {
            guard !wires.contains(where: { $0.port == argument.port || $0.wire.interface == argument.interface }) else {
                throw CommandFailure(
                    message:
                        "--wire \(argument.port.map(String.init) ?? "host")=\(argument.interface): its port or interface has a wire already"
                )
            }
            do throws(NetlinkError) {
                wires.append((argument.port, try PacketWire(argument.interface)))
            } catch {
                throw CommandFailure(message: "\(error)")
            }
        }
        return wires
    }
}

/// A simulated card between interfaces: what arrives at one goes into the card, what comes out goes to the interface of that port. The card's
/// time is the clock's.
final class SimulatedCardWires: Sendable {
    private let card: SimulatedCard
    private let wires: [(port: Int?, wire: PacketWire)]
    private let isStopped = Atomic(false)
    private let thread: Mutex<pthread_t?> = Mutex(nil)

    /// How long `stop` may have to wait, milliseconds.
    private static let patience: Int32 = 100
    /// Frames of one wire before it is another's turn.
    private static let batch = 64

    init(_ card: SimulatedCard, _ arguments: [WireArgument]) throws {
        self.card = card
        for argument in arguments {
            let isThere = argument.port.map { $0 < card.configuration.portCount && $0 != card.configuration.hostPort }
            guard isThere ?? (card.configuration.hostPort != nil) else {
                throw CommandFailure(
                    message:
                        "this card has no port \(argument.port.map(String.init) ?? "to a host") for \(argument.interface)"
                )
            }
        }
        wires = try WireArgument.open(arguments)
    }

    func start() throws {
        var started = pthread_t()
        let result = pthread_create(
            &started, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<SimulatedCardWires>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        guard result == 0 else { throw CommandFailure(message: "pthread_create: \(String(cString: strerror(result)))") }
        thread.withLock { $0 = started }
    }

    func stop() {
        isStopped.store(true, ordering: .releasing)
        if let started = thread.withLock({ $0.take() }) { pthread_join(started, nil) }
    }

    private func run() {
        var last = ContinuousClock.now
        var entries = wires.map { pollfd(fd: $0.wire.fileDescriptor, events: Int16(POLLIN), revents: 0) }
        while !isStopped.load(ordering: .acquiring) {
            _ = poll(&entries, nfds_t(entries.count), Self.patience)
            let now = ContinuousClock.now
            let (seconds, attoseconds) = (now - last).components
            card.advance(nanoseconds: UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000))
            last = now
            for (port, wire) in wires {
                for _ in 0..<Self.batch {
                    guard let frame = wire.receive() else { break }
                    send(port.map { card.receive(frame, port: $0) } ?? card.receiveFromCPU(frame))
                }
            }
        }
    }

    private func send(_ emissions: [CardEmission]) {
        for emission in emissions {
            let port: Int? = if case .port(let port, _) = emission { port } else { nil }
            // What an interface does not take is lost on the wire.
            try? wires.first { $0.port == port }?.wire.send(emission.frame)
        }
    }
}

/// The wires to a real card: what is sent into one of its ports, and what comes out of the others.
struct CardWires {
    private let wires: [(port: Int, wire: PacketWire)]

    var ports: [Int] { wires.map(\.port) }

    init(_ arguments: [WireArgument]) throws(CommandFailure) {
        wires = try WireArgument.open(arguments).compactMap { port, wire in port.map { ($0, wire) } }
        // What is sent into a cable that is not plugged in comes out nowhere, as if it had been dropped.
        for (_, wire) in wires {
            let hasCarrier: Bool
            do throws(NetlinkError) {
                var netlink = try NetlinkSocket()
                hasCarrier = try netlink.link(named: wire.interface).hasCarrier
            } catch {
                throw CommandFailure(message: "\(error)")
            }
            guard hasCarrier else {
                throw CommandFailure(
                    message: "\(wire.interface) has no carrier: it is down, or its cable is not plugged in")
            }
        }
    }

    /// Bytes at the end of a frame that it is known by.
    static let mark = 8

    /// What comes out because of a frame.
    ///
    /// - Parameters:
    ///   - frame: ends with a mark.
    ///   - patience: milliseconds to wait for it.
    func send(_ frame: [UInt8], into port: Int, _ patience: Int) throws -> [SimulatedCardClient.Emission] {
        guard let first = wires.first(where: { $0.port == port }) else { return [] }
        do { try first.wire.send(frame) } catch { throw CommandFailure(message: "\(error)") }
        var found: [SimulatedCardClient.Emission] = []
        let clock = ContinuousClock()
        var end = clock.now + .milliseconds(patience)
        var entries = wires.map { pollfd(fd: $0.wire.fileDescriptor, events: Int16(POLLIN), revents: 0) }
        while clock.now < end {
            let left = (end - clock.now) / .milliseconds(1)
            _ = poll(&entries, nfds_t(entries.count), Int32(max(1, left)))
            let before = found.count
            for (port, wire) in wires {
                // Others may send without end.
                for _ in 0..<Self.batch {
                    guard let received = wire.receive() else { break }
                    if received.suffix(Self.mark) == frame.suffix(Self.mark) {
                        found.append(.init(.port(port), received))
                    }
                }
            }
            // If it comes twice, the second is not far behind.
            if found.count > before { end = min(end, clock.now + .milliseconds(Self.after)) }
        }
        return found
    }

    /// Milliseconds.
    private static let after = 10
    private static let batch = 256
}
