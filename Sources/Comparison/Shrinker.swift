// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// Tables and packets that make data planes differ.
public struct FailingCase: Sendable, Hashable, CustomStringConvertible {
    public var world: World
    public var packets: [TestPacket]
    public var differences: [Difference]
    /// How to make it again: the seeds it came from. Empty if it was not generated.
    public var origin = ""

    public init(world: World, packets: [TestPacket], differences: [Difference], origin: String = "") {
        (self.world, self.packets, self.differences, self.origin) = (world, packets, differences, origin)
    }

    public var description: String {
        var lines = origin.isEmpty ? [] : [origin]
        lines += world.updateTexts
        for packet in packets {
            lines.append("packet at port \(packet.port.rawValue), \(packet.bytes.count) bytes:")
            for offset in stride(from: 0, to: packet.bytes.count, by: 16) {
                let label = String(offset, radix: 16)
                let row = packet.bytes[offset..<min(offset + 16, packet.bytes.count)]
                let pairs = row.map { hexadecimal([$0]) }.joined(separator: " ")
                lines.append("  " + String(repeating: "0", count: max(0, 4 - label.count)) + label + "  " + pairs)
            }
        }
        return (lines + differences.map { "difference: \($0)" }).joined(separator: "\n")
    }
}

/// Makes a failing case small: takes table entries, packets and bytes away while the data planes still differ.
public struct Shrinker {
    private let comparison: PacketComparison
    /// Runs that may still be made.
    private var remaining: Int
    private var kinds: Set<Difference.Kind> = []

    /// `attempts`: how many smaller cases are tried at most. Each empties and fills the data planes.
    public init(_ comparison: PacketComparison, attempts: Int = 3000) {
        (self.comparison, remaining) = (comparison, attempts)
    }

    /// The differences of a case, with tables filled anew.
    public func differences(_ world: World, _ packets: [TestPacket]) -> [Difference] {
        var differences = comparison.install(world)
        for packet in packets { differences += comparison.process(packet).differences }
        return differences + comparison.finish()
    }

    /// A case no larger than the given one that differs in the same kind of thing; the given one if it does not differ when
    /// run again.
    public mutating func shrink(_ given: FailingCase) -> FailingCase {
        var found = given
        found.differences = differences(given.world, given.packets)
        guard !found.differences.isEmpty else { return given }
        // What was seen first matters: a verdict brings counters with it, not the other way round.
        let wanted = Set(found.differences.map(\.kind))
        kinds =
            [Difference.Kind.failure, .verdict, .write, .contents, .verdictCounter, .counter].first {
                wanted.contains($0)
            }.map {
                [$0]
            } ?? wanted

        var size = (0, 0)
        repeat {
            size = Self.size(found)
            shrinkList(&found) { ($0.packets, { $0.packets = $1 }) }
            shrinkList(&found) { ($0.world.changes, { $0.world.changes = $1 }) }
            shrinkList(&found) { ($0.world.flows, { $0.world.flows = $1 }) }
            shrinkList(&found) { ($0.world.staleFlows, { $0.world.staleFlows = $1 }) }
            shrinkList(&found) { ($0.world.updates, { $0.world.updates = $1 }) }
            simplifyEntries(&found)
            for index in found.packets.indices { shrinkBytes(&found, index) }
        } while Self.size(found) < size && remaining > 0
        return found
    }

    private static func size(_ found: FailingCase) -> (Int, Int) {
        (
            found.packets.count + found.world.count + found.world.updates.reduce(0) { $0 + $1.entry.weight },
            found.packets.reduce(0) { total, packet in
                total + packet.bytes.count + packet.bytes.count { $0 != 0 }
            }
        )
    }

    /// Takes the smaller case if it differs still.
    private mutating func accept(_ smaller: FailingCase, _ found: inout FailingCase) -> Bool {
        guard remaining > 0 else { return false }
        remaining -= 1
        let differences = differences(smaller.world, smaller.packets)
        guard differences.contains(where: { kinds.contains($0.kind) }) else { return false }
        found = smaller
        found.differences = differences
        return true
    }

    /// Takes away halves, quarters, … single elements, from the end: what is written last is needed least.
    private mutating func shrinkList<Element>(
        _ found: inout FailingCase,
        _ access: (FailingCase) -> ([Element], (inout FailingCase, [Element]) -> Void)
    ) {
        var chunk = max(1, access(found).0.count / 2)
        while true {
            var end = access(found).0.count
            while end > 0, remaining > 0 {
                let (elements, set) = access(found)
                end = min(end, elements.count)
                let start = max(0, end - chunk)
                var smaller = found
                set(&smaller, Array(elements[..<start] + elements[end...]))
                _ = accept(smaller, &found)
                end = start
            }
            if chunk == 1 || remaining == 0 { return }
            chunk /= 2
        }
    }

    /// Takes away parts of entries: members, conditions.
    private mutating func simplifyEntries(_ found: inout FailingCase) {
        for index in found.world.updates.indices {
            var isSimpler = true
            while isSimpler, remaining > 0 {
                isSimpler = false
                for entry in found.world.updates[index].entry.simplerVariants {
                    var smaller = found
                    smaller.world.updates[index].entry = entry
                    if accept(smaller, &found) {
                        isSimpler = true
                        break
                    }
                }
            }
        }
    }

    private mutating func shrinkBytes(_ found: inout FailingCase, _ index: Int) {
        // Shorter, with lengths and header checksum put right or left as they are.
        var step = max(1, found.packets[index].bytes.count / 2)
        while step >= 1, remaining > 0 {
            let bytes = found.packets[index].bytes
            guard bytes.count >= step else {
                step /= 2
                continue
            }
            var smaller = found
            smaller.packets[index].bytes = Array(bytes.dropLast(step))
            let plain = accept(smaller, &found)
            smaller.packets[index].bytes = Self.repaired(Array(bytes.dropLast(step)))
            if !plain, !accept(smaller, &found) { step /= 2 }
        }
        // Zeros, likewise.
        for offset in found.packets[index].bytes.indices where found.packets[index].bytes[offset] != 0 && remaining > 0
        {
            var smaller = found
            smaller.packets[index].bytes[offset] = 0
            if accept(smaller, &found) { continue }
            let repaired = Self.repaired(smaller.packets[index].bytes)
            guard repaired[offset] == 0, repaired != found.packets[index].bytes else { continue }
            smaller.packets[index].bytes = repaired
            _ = accept(smaller, &found)
        }
    }

    /// The frame with its IPv4 header checksum put right, if it has an IPv4 header.
    static func repairedChecksum(_ frame: [UInt8]) -> [UInt8] { repaired(frame, lengths: false) }

    /// The frame with the lengths and the header checksum of its IP packet made right, if it has one.
    static func repaired(_ frame: [UInt8], lengths: Bool = true) -> [UInt8] {
        var frame = frame
        var l3 = HeaderLength.ethernet
        while l3 + 4 <= frame.count, l3 < 22, EtherType.isTag(frame.span.bytes.uint16(at: l3 - 2)) { l3 += 4 }
        guard l3 <= frame.count, l3 >= 14 else { return frame }
        switch frame.span.bytes.uint16(at: l3 - 2) {
        case EtherType.ipv4:
            let headerLength = frame.count > l3 ? Int(frame[l3] & 15) * 4 : 0
            guard headerLength >= 20, l3 + headerLength <= frame.count else { return frame }
            let total = Int(frame.span.bytes.uint16(at: l3 + 2))
            if lengths, total > frame.count - l3 {
                frame.store(bigEndian: UInt16(truncatingIfNeeded: frame.count - l3), at: l3 + 2)
            }
            frame.store(bigEndian: UInt16(0), at: l3 + 10)
            let checksum = Checksum.of(frame.span.bytes.extracting(l3..<(l3 + headerLength)))
            frame.store(bigEndian: checksum, at: l3 + 10)
        case EtherType.ipv6:
            guard l3 + 40 <= frame.count else { return frame }
            let payload = Int(frame.span.bytes.uint16(at: l3 + 4))
            if lengths, payload > frame.count - l3 - 40 {
                frame.store(bigEndian: UInt16(truncatingIfNeeded: frame.count - l3 - 40), at: l3 + 4)
            }
        default: break
        }
        return frame
    }
}

extension TableEntry {
    /// How many parts the entry has that could be taken away.
    fileprivate var weight: Int { simplerVariants.count }

    /// The entry with one part less, each part in turn.
    fileprivate var simplerVariants: [TableEntry] {
        switch self {
        case .vlan(let vlan):
            return (vlan.tagged.sorted() + vlan.untagged.sorted()).map { port in
                var simpler = vlan
                simpler.tagged.remove(port)
                simpler.untagged.remove(port)
                return .vlan(simpler)
            }
        case .nextHopGroup(let group):
            guard group.members.count > 1 else { return [] }
            return group.members.indices.map { index in
                var simpler = group
                simpler.members.remove(at: index)
                return .nextHopGroup(simpler)
            }
        case .acl(let rule):
            // Ports, flags, type and code need the protocol; a variant without it is rejected by all, and not taken.
            var parts: [(inout ACLEntry.Match) -> Void] = []
            if rule.match.ingressPort != nil { parts.append { $0.ingressPort = nil } }
            if rule.match.vlan != nil { parts.append { $0.vlan = nil } }
            if rule.match.etherType != nil { parts.append { $0.etherType = nil } }
            if rule.match.destinationMAC != nil { parts.append { $0.destinationMAC = nil } }
            if rule.match.sourceMAC != nil { parts.append { $0.sourceMAC = nil } }
            if rule.match.source != nil { parts.append { $0.source = nil } }
            if rule.match.destination != nil { parts.append { $0.destination = nil } }
            if rule.match.sourcePorts != nil { parts.append { $0.sourcePorts = nil } }
            if rule.match.destinationPorts != nil { parts.append { $0.destinationPorts = nil } }
            if rule.match.tcpFlags != nil { parts.append { $0.tcpFlags = nil } }
            if rule.match.icmpType != nil { parts.append { $0.icmpType = nil } }
            if rule.match.icmpCode != nil { parts.append { $0.icmpCode = nil } }
            if rule.match.ipProtocol != nil { parts.append { $0.ipProtocol = nil } }
            if rule.match.dscp != nil { parts.append { $0.dscp = nil } }
            if rule.match.fragment != nil { parts.append { $0.fragment = nil } }
            if rule.match.routed != nil { parts.append { $0.routed = nil } }
            return parts.map { remove in
                var simpler = rule
                remove(&simpler.match)
                return .acl(simpler)
            }
        default:
            return []
        }
    }
}
