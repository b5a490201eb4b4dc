// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// Something in which data planes that hold the same tables do not agree.
public struct Difference: Sendable, Hashable, CustomStringConvertible {
    public enum Kind: String, Sendable, Hashable {
        /// What became of a packet.
        case verdict
        /// The result of an update.
        case write
        /// A counter, or a last-hit time, of an entry.
        case counter
        /// An entry that one holds and another does not, or holds otherwise.
        case contents
        /// The count of verdicts by port, disposition and reason.
        case verdictCounter = "verdict_counter"
        /// A data plane failed to do what was asked.
        case failure
    }

    public var kind: Kind
    /// What differs: `reason`, `output`, `route 10.0.0.0/8 in VRF 0: packets`.
    public var subject: String
    /// By data plane, in the order of the comparison.
    public var values: [Value]

    public struct Value: Sendable, Hashable {
        public var plane: String
        public var text: String
    }

    public var description: String {
        "\(kind.rawValue): \(subject): " + values.map { "\($0.plane) \($0.text)" }.joined(separator: ", ")
    }
}

/// Puts packets through several data planes that hold the same tables and says where they differ.
///
///     let comparison = PacketComparison([reference, xdp])
///     var differences = comparison.install(world)
///     for packet in packets { differences += comparison.process(packet).differences }
///     differences += comparison.finish()
public final class PacketComparison {
    public let planes: [ComparableDataPlane]
    public let names: [String]
    /// Compare times of last hits as well as counters.
    public var comparesLastHits = true
    /// Frames shorter than this some data planes cannot be given at all (the kernel's test run takes no less than an
    /// Ethernet header); a refusal of such a frame is no difference.
    public static let shortestCertainFrame = HeaderLength.ethernet
    private var baseline: [[VerdictSlot: Counter]]
    private var time = CoarseTime(rawValue: 1)

    struct VerdictSlot: Hashable {
        var port: PortID
        var disposition: Disposition
        var reason: Reason
    }

    /// The first data plane is the one the others are compared with. All must have the same hash seeds and ACL default.
    public init(_ planes: [ComparableDataPlane]) {
        self.planes = planes
        var names: [String] = []
        for plane in planes {
            let name = plane.capabilities.name
            names.append(names.contains(name) ? "\(name)\(names.count + 1)" : name)
        }
        self.names = names
        baseline = planes.map { $0.verdictSlots() }
    }

    /// Empties the data planes, fills them with the world's tables, and compares the results of the updates.
    public func install(_ world: World) -> [Difference] {
        var differences: [Difference] = []
        for (index, plane) in planes.enumerated() {
            for error in plane.removeAllEntries() {
                differences.append(failure(index, "emptying the tables", "\(error)"))
            }
            for table in TableID.allCases {
                guard let left = plane.entries(of: table).first else { continue }
                differences.append(failure(index, "emptying the tables", "\(left.keyText) is still there"))
            }
        }
        advanceTime()
        let results = planes.map { world.install(on: $0) }
        baseline = planes.map { $0.verdictSlots() }
        guard let first = results.first else { return differences }
        let texts = world.updateTexts
        for index in first.indices {
            let values = results.map { index < $0.count ? $0[index].text : "no result" }
            if let difference = compare(.write, index < texts.count ? texts[index] : "update \(index)", values) {
                differences.append(difference)
            }
        }
        return differences
    }

    /// Moves the data planes' time on by one tick.
    public func advanceTime() {
        time = CoarseTime(rawValue: time.rawValue &+ 1)
        for plane in planes { plane.setTime(time) }
    }

    /// Puts a packet through every data plane. `verdicts` has nil where one could not be given the packet.
    public func process(_ packet: TestPacket) -> (verdicts: [PacketVerdict?], differences: [Difference]) {
        var verdicts: [PacketVerdict?] = []
        verdicts.reserveCapacity(planes.count)
        var differences: [Difference] = []
        let span = packet.bytes.span
        for (index, plane) in planes.enumerated() {
            do throws(DataPlaneError) {
                verdicts.append(try plane.process(span.bytes, port: packet.port))
            } catch {
                verdicts.append(nil)
                if packet.bytes.count >= Self.shortestCertainFrame {
                    differences.append(failure(index, "processing a packet", "\(error)"))
                }
            }
        }
        guard let base = verdicts.compactMap({ $0 }).first, verdicts.contains(where: { $0 != nil && $0 != base }) else {
            return (verdicts, differences)
        }
        func text(_ value: (PacketVerdict) -> String) -> [String] { verdicts.map { $0.map(value) ?? "none" } }
        let fields: [(String, [String])] = [
            ("disposition", text { "\($0.disposition)" }),
            ("reason", text { $0.reason.name }),
            ("egress port", text { $0.egressPort.map { "\($0.rawValue)" } ?? "none" }),
            ("flood VLAN", text { $0.floodVLAN.map { "\($0.rawValue)" } ?? "none" }),
            ("mirrored", text { "\($0.mirrored)" }),
        ]
        for (name, values) in fields {
            if let difference = compare(.verdict, name, values) { differences.append(difference) }
        }
        if let difference = compareOutputs(verdicts) { differences.append(difference) }
        return (verdicts, differences)
    }

    /// Compares what was counted since `install`, and what the tables hold.
    public func finish() -> [Difference] {
        var differences: [Difference] = []
        compareContents(&differences)
        compareCounts(
            .verdictCounter,
            planes.enumerated().map { index, plane in
                var counts: [String: Counts] = [:]
                for (slot, counter) in plane.verdictSlots() {
                    let before = baseline[index][slot] ?? Counter()
                    let counter = Counter(
                        packets: counter.packets &- before.packets, bytes: counter.bytes &- before.bytes)
                    guard counter != Counter() else { continue }
                    counts["port \(slot.port.rawValue), \(slot.disposition), \(slot.reason.name)"] = Counts(
                        counter: counter)
                }
                return counts
            }, &differences)
        compareCounts(
            .counter,
            planes.map { plane in
                var counts: [String: Counts] = [:]
                for table in [TableID.acl, .ipv4, .ipv6] {
                    for (entry, counter) in plane.counters(of: table) {
                        counts[entry.keyText] = Counts(counter: counter)
                    }
                }
                plane.sweepFlows { record in
                    // Entries of earlier generations may have been cleared away or not.
                    if record.entry.origin == .static || record.entry.origin == .derived(plane.generation) {
                        counts[TableEntry.flow(record.entry).keyText] = Counts(
                            counter: record.counter, lastHit: comparesLastHits ? record.lastHit.rawValue : 0)
                    }
                    return .keep
                }
                plane.sweepMACs { record in
                    counts[TableEntry.mac(record.entry).keyText] = Counts(
                        counter: record.counter, lastHit: comparesLastHits ? record.lastHit.rawValue : 0)
                    return .keep
                }
                return counts
            }, &differences)
        return differences
    }

    private func compareContents(_ differences: inout [Difference]) {
        for table in TableID.allCases {
            let contents = planes.map { plane in
                plane.entries(of: table).reduce(into: [String: TableEntry]()) { contents, entry in
                    var entry = entry
                    if case .flow(var flow) = entry, case .derived(let made) = flow.origin {
                        // Entries of earlier generations may have been cleared away or not; the numbers themselves may differ.
                        guard made == plane.generation else { return }
                        flow.origin = .derived(PolicyGeneration(rawValue: 0))
                        entry = .flow(flow)
                    }
                    contents[entry.keyText] = entry
                }
            }
            guard let base = contents.first, contents.contains(where: { $0 != base }) else { continue }
            for key in Set(contents.flatMap(\.keys)).sorted() {
                guard contents.contains(where: { $0[key] != base[key] }) else { continue }
                let values = contents.map { $0[key].map { "\($0.contentText) \($0)" } ?? "nothing" }
                if let difference = compare(.contents, key, values) { differences.append(difference) }
            }
        }
    }

    private struct Counts: Equatable {
        var counter: Counter
        var lastHit: UInt16 = 0

        var text: String {
            "\(counter.packets) packets, \(counter.bytes) bytes" + (lastHit == 0 ? "" : ", last hit at \(lastHit)")
        }
    }

    private func compareCounts(_ kind: Difference.Kind, _ planes: [[String: Counts]], _ differences: inout [Difference])
    {
        guard let base = planes.first, planes.contains(where: { $0 != base }) else { return }
        for subject in Set(planes.flatMap(\.keys)).sorted() {
            let values = planes.map { $0[subject]?.text ?? "nothing" }
            if let difference = compare(kind, subject, values) { differences.append(difference) }
        }
    }

    private func compare(_ kind: Difference.Kind, _ subject: String, _ values: [String]) -> Difference? {
        guard let base = values.first, values.contains(where: { $0 != base }) else { return nil }
        return Difference(
            kind: kind, subject: subject, values: zip(names, values).map { .init(plane: $0, text: $1) })
    }

    private func compareOutputs(_ verdicts: [PacketVerdict?]) -> Difference? {
        let outputs = verdicts.map { $0?.output ?? [] }
        guard let base = outputs.first, outputs.contains(where: { $0 != base }) else { return nil }
        let lengths = Set(outputs.map(\.count))
        let shortest = lengths.min() ?? 0
        let offset = (0..<shortest).first { at in outputs.contains { $0[at] != base[at] } } ?? shortest
        return Difference(
            kind: .verdict, subject: "output from byte \(offset)",
            values: zip(names, outputs).map { name, output in
                .init(plane: name, text: "\(output.count) bytes …\(hexadecimal(output.dropFirst(offset).prefix(16)))")
            })
    }

    private func failure(_ index: Int, _ what: String, _ why: String) -> Difference {
        Difference(kind: .failure, subject: what, values: [.init(plane: names[index], text: why)])
    }
}

extension UpdateResult {
    /// Errors are compared by kind and table: their words may differ.
    fileprivate var text: String {
        switch self {
        case .applied: "applied"
        case .rejected(let error):
            switch error {
            case .alreadyExists: "rejected: already exists"
            case .notFound: "rejected: not found"
            case .tableFull: "rejected: table full"
            case .missingReference: "rejected: missing reference"
            case .inUse: "rejected: in use"
            case .invalidValue: "rejected: invalid value"
            case .unsupported: "rejected: unsupported"
            case .backEnd(_, let message): "failed: \(message)"
            case .notStored(_, _, let why): "not stored: \(why)"
            }
        }
    }
}

extension DataPlane {
    fileprivate func verdictSlots() -> [PacketComparison.VerdictSlot: Counter] {
        Dictionary(
            verdictCounters().map {
                (.init(port: $0.port, disposition: $0.disposition, reason: $0.reason), $0.counter)
            },
            uniquingKeysWith: { Counter(packets: $0.packets + $1.packets, bytes: $0.bytes + $1.bytes) })
    }
}

/// Two digits a byte, without separators.
func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    bytes.reduce(into: "") { text, byte in
        if byte < 16 { text += "0" }
        text += String(byte, radix: 16)
    }
}
