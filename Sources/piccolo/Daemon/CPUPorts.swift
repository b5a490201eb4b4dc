// SPDX-License-Identifier: Apache-2.0
import Controller
import FlowEngineDriver
import Glibc
import Northbound
import Synchronization
import XDPDataPlane

/// The card's CPU port, made into ports of the node while the daemon runs.
final class CPUPorts: Sendable {
    private let port: Mutex<CardPort?>
    /// An earlier process had left them.
    private let isAdopted: Bool

    init(_ card: Configuration.Card, _ cable: Configuration.Card.CPUPort, _ configuration: Configuration) throws {
        let interfaces = Dictionary(configuration.ports.map { ($0.name, $0.interface) }) { first, _ in first }
        let version = CardTagVersion(rawValue: UInt32(cable.tag)) ?? .four
        // Facts of the tag: on the way out 0 is the first port beside the cabled one, 1 the second; on the way in the second
        // is 1 or 2, depending on the card's version.
        let ports = card.ports.map { port in
            CardLogicalPort(
                name: interfaces[port.name.value] ?? port.name.value, egress: port.physical == 0 ? 0 : 1,
                ingress: port.physical == 0 ? [0] : [1, 2])
        }
        var wanted = CardPortConfiguration(interface: cable.interface, version: version, ports: ports)
        wanted.untagged = cable.untagged == .drop ? .drop : .kernel
        wanted.pinDirectory = "\(configuration.pinPath)-card"
        let made = try CardPort(wanted)
        isAdopted = made.isAdopted
        port = Mutex(made)
    }

    /// Takes away what an earlier process left for a CPU port that the configuration does not name any more.
    ///
    /// - Parameter earlier: the configuration before.
    /// - Returns: what could not be done, in sentences.
    static func releaseAbandoned(_ earlier: Configuration?, _ wanted: Configuration) -> [String] {
        let pins = "\(earlier?.pinPath ?? wanted.pinPath)-card"
        let isWanted = wanted.card?.cpuPort != nil && pins == "\(wanted.pinPath)-card"
        guard !isWanted, access(pins, F_OK) == 0 else { return [] }
        guard let earlier, let card = earlier.card, let cable = card.cpuPort else {
            return [
                "\(pins) has programs of a card's CPU port that no configuration names; remove it and its interfaces"
            ]
        }
        guard earlier.pinPath != wanted.pinPath else { return release(card, cable, earlier) }
        // Under another path there may be another node by now.
        guard let lock = try? StateLock(state: earlier.pinPath) else { return [] }
        let notes = release(card, cable, earlier)
        _ = consume lock
        return notes
    }

    private static func release(
        _ card: Configuration.Card, _ cable: Configuration.Card.CPUPort, _ earlier: Configuration
    ) -> [String] {
        do {
            try CPUPorts(card, cable, earlier).release()
            return []
        } catch {
            return ["the ports of \(cable.interface), which is no cpu_port any more, could not be removed: \(error)"]
        }
    }

    /// After a start that failed: what was found goes on, what was made goes.
    func releaseUnlessAdopted() throws {
        if !isAdopted { try release() }
    }

    func complaints() -> [String] {
        port.withLock { port in
            switch port {
            case .some(let port): port.complaints()
            case nil: []
            }
        }
    }

    /// Those that are not 0, and why they could not be read.
    func counts() -> (counts: [CPUPortCount], complaint: String?) {
        let result: Result<[CardCount], CardPortError> = port.withLock { port in
            switch port {
            case .some(let port):
                do throws(CardPortError) { return .success(try port.counts()) } catch { return .failure(error) }
            case nil: return .success([])
            }
        }
        let counts: [CardCount]
        switch result {
        case .success(let found): counts = found
        case .failure(let error): return ([], "what the CPU port counted cannot be read: \(error)")
        }
        let named = counts.map { count in
            let what =
                switch count.what {
                case .counter(let counter): counter.name
                case .reason(let reason): "reason_\(reason)"
                }
            return CPUPortCount(port: count.port, what: what, counter: count.counter)
        }
        return (named, nil)
    }

    /// Takes the ports away again. A node that keeps its programs does not.
    func release() throws {
        guard let port = port.withLock({ $0.take() }) else { return }
        try port.release()
    }
}
