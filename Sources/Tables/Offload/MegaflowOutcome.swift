// SPDX-License-Identifier: Apache-2.0
import Packet

/// What becomes of frames, as far as it matters to hardware.
enum FrameEffect: Hashable {
    case drop
    /// Leaves by this port, another than it came in at, as it came.
    case forward(PortID)
    /// Leaves by the port it came in at. Whether hardware would do that is not known.
    case back(PortID)
    /// Leaves by this port, changed.
    case rewrite(PortID)
    case flood(VLANID)
    case kernel
    case cpu
    /// A copy goes to the controller, whatever becomes of the frame.
    case copy
    /// The source address is reported to be learned, whatever becomes of the frame.
    case learn
    /// One frame goes this way, one that way, and nothing tells which.
    case various
}

/// What the frames of a megaflow come to, found bit by bit; fails with the second way they go.
struct MegaflowOutcome {
    private var forward: (port: PortID, words: String)?
    private var drops: [(port: PortID, words: String)] = []
    private var other: (effect: FrameEffect, words: String)?
    /// Of frames that hardware could decide.
    private var refreshed: (key: MACKey?, words: String)?

    let dropsToIngress: Bool
    let ports: Set<PortID>

    private let explains: Bool

    init(dropsToIngress: Bool, ports: Set<PortID>, explains: Bool) {
        (self.dropsToIngress, self.ports, self.explains) = (dropsToIngress, ports, explains)
    }

    /// `composed` are composed only of the first frames that go a way, and only for a refusal that explains itself.
    mutating func add(
        _ effect: FrameEffect, at port: PortID, refreshes: MACKey?, _ composed: () -> String
    ) throws(OffloadRefusal) {
        let explains = explains
        func words() -> String { explains ? composed() : "" }
        switch effect {
        case .drop:
            if let other { throw .notUniform(other.words, words()) }
            if let forward, !isAlike(dropAt: port, forward.port) { throw .notUniform(forward.words, words()) }
            if !drops.contains(where: { $0.port == port }) { drops.append((port, words())) }
        case .forward(let egress):
            if let other { throw .notUniform(other.words, words()) }
            if let forward {
                if forward.port != egress { throw .notUniform(forward.words, words()) }
            } else {
                if let drop = drops.first(where: { !isAlike(dropAt: $0.port, egress) }) {
                    throw .notUniform(drop.words, words())
                }
                forward = (egress, words())
            }
        default:
            if let first = forward?.words ?? drops.first?.words { throw .notUniform(first, words()) }
            if let other {
                if other.effect != effect { throw .notUniform(other.words, words()) }
            } else {
                other = (effect, words())
            }
            return
        }
        func say(_ key: MACKey?) -> String {
            !explains ? "" : "\(words()), and \(key.map { "station \($0) is renewed" } ?? "no station is renewed")"
        }
        if let refreshed {
            if refreshed.key != refreshes { throw .notUniform(refreshed.words, say(refreshes)) }
        } else {
            refreshed = (refreshes, say(refreshes))
        }
    }

    /// Hardware drops by itself what it would send where it came from.
    private func isAlike(dropAt port: PortID, _ egress: PortID) -> Bool { dropsToIngress && port == egress }

    var refreshes: MACKey? { refreshed?.key }

    /// Nil if there was no frame at all.
    func decision() throws(OffloadRefusal) -> OffloadDecision? {
        if let other { throw .action(other.words) }
        guard let forward else { return drops.isEmpty ? nil : .drop }
        guard ports.contains(forward.port) else {
            throw .action("\(forward.words), which the card does not have")
        }
        return .forward(forward.port)
    }
}
