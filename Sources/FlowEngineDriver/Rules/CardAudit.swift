// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// Proves tables that cannot be read: one frame for each rule, made so that this rule matches it and no other does. Whoever can
/// put frames into the card's ports, or into a simulated card, sends them and compares.
public struct CardAudit: Sendable {
    public struct Probe: Hashable, Sendable {
        public var place: RulePlace
        /// `emh type 3, slot 0x1a2b, rule 17`
        public var rule: String
        /// The card's port to send it into.
        public var port: Int
        /// Without FCS.
        public var frame: [UInt8]
        /// What the rule does with it; it leaves as it came.
        public var expected: CardAction
    }

    /// A rule that no frame can be made for, and why.
    public struct Skipped: Hashable, Sendable {
        public var place: RulePlace
        public var rule: String
        public var why: String

        public init(place: RulePlace, rule: String, why: String) {
            (self.place, self.rule, self.why) = (place, rule, why)
        }
    }

    public private(set) var probes: [Probe] = []
    public internal(set) var skipped: [Skipped] = []

    /// - Parameter ports: the card's ports that frames can be sent into.
    public init(_ book: RuleBook, ports: [Int]) {
        let rules = book.ordinalsInUse.compactMap { book[$0] }.filter { $0.state == .live }
        let keys = rules.map { try? KeyValues($0.megaflow, ports: book.ports, quirks: book.quirks) }
        for (index, rule) in rules.enumerated() {
            let name = book.describe(rule)
            guard let key = keys[index], let expected = CardAction(word: rule.actionWord, book.quirks) else {
                skipped.append(Skipped(place: rule.place, rule: name, why: "its words have no meaning for this card"))
                continue
            }
            let others = keys.indices.filter { $0 != index }.compactMap { keys[$0] }
            switch ProbeFrame.make(key, expected: expected, ports: ports, avoiding: others, quirks: book.quirks) {
            case .success(let frame):
                probes.append(
                    Probe(place: rule.place, rule: name, port: frame.port, frame: frame.bytes, expected: expected))
            case .failure(let reason): skipped.append(Skipped(place: rule.place, rule: name, why: reason.why))
            }
        }
    }
}

/// A frame with given fields.
struct ProbeFrame {
    struct Impossible: Error { var why: String }

    var port: Int
    var bytes: [UInt8]

    /// Attempts to find fields for what the rule leaves open.
    private static let attempts = 64

    static func make(
        _ key: KeyValues, expected: CardAction, ports: [Int], avoiding others: [KeyValues], quirks: CardQuirks
    ) -> Result<ProbeFrame, Impossible> {
        var output = -1
        if case .output(let number) = expected { output = number }
        let fromPorts = ports.filter {
            key.fields.contains(.ingressPort) ? UInt64($0) == key[.ingressPort] : $0 != output
        }
        if fromPorts.isEmpty, key.fields.contains(.ingressPort) {
            return .failure(Impossible(why: "no frame can be sent into port \(key[.ingressPort]), which it is for"))
        }
        guard let first = fromPorts.first, first != output else {
            return .failure(Impossible(why: "no other port that frames can be sent into than the one it sends them to"))
        }
        let needsIP = !key.fields.isDisjoint(
            with: [.ipv4Source, .ipv4Destination, .ipProtocol, .dscp, .sourcePort, .destinationPort])
        if needsIP, key.fields.contains(.etherType), key[.etherType] != UInt64(EtherType.ipv4) {
            return .failure(Impossible(why: "it compares fields of IPv4 in frames of another EtherType"))
        }
        if key.fields.contains(.etherType), EtherType.isTag(UInt16(truncatingIfNeeded: key[.etherType])) {
            return .failure(Impossible(why: "what it compares as an EtherType is that of a tag"))
        }
        if key.fields.contains(.destinationPort) || key.fields.contains(.sourcePort), key.fields.contains(.ipProtocol),
            ![UInt64(IPProtocol.tcp), UInt64(IPProtocol.udp)].contains(key[.ipProtocol])
        {
            return .failure(Impossible(why: "it compares ports of a protocol that has none"))
        }
        for attempt in 0..<attempts {
            var seen = key
            let salt = UInt64(attempt)
            func fill(_ field: KeyField, _ value: UInt64) {
                if !seen.fields.contains(field.set) { seen[field] = value }
            }
            fill(.ingressPort, UInt64(fromPorts[attempt % fromPorts.count]))
            fill(.sourceMAC, 0x0200_5e00_0000 | salt * 7919 & 0xff_ffff)
            fill(.destinationMAC, 0x0200_5e80_0000 | salt * 104_729 & 0x7f_ffff)
            fill(.vlan, 4094 - salt)
            fill(.vlanPriority, salt & 7)
            fill(.etherType, needsIP ? UInt64(EtherType.ipv4) : 0x88b5 + salt & 1)
            if seen[.etherType] == UInt64(EtherType.ipv4) {
                fill(.ipv4Source, 0xc633_6401 + salt)
                fill(.ipv4Destination, 0xcb00_7101 + salt)
                fill(.ipProtocol, UInt64(IPProtocol.udp))
                fill(.dscp, salt & 63)
                if [UInt64(IPProtocol.tcp), UInt64(IPProtocol.udp)].contains(seen[.ipProtocol]) {
                    fill(.sourcePort, 49152 + salt)
                    fill(.destinationPort, 49408 + salt)
                }
            }
            if others.contains(where: { $0.matches(seen) }) { continue }
            return .success(ProbeFrame(port: Int(seen[.ingressPort]), bytes: bytes(seen, quirks)))
        }
        return .failure(Impossible(why: "every frame it matches is matched by another rule too"))
    }

    private static func bytes(_ key: KeyValues, _ quirks: CardQuirks) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(MACAddress(rawValue: key[.destinationMAC]))
        bytes.append(MACAddress(rawValue: key[.sourceMAC]))
        if UInt16(truncatingIfNeeded: key[.vlan]) != quirks.untaggedVLAN {
            let priority = quirks.vlanPriority == .pcp ? key[.vlanPriority] << 1 : key[.vlanPriority]
            bytes.append(bigEndian: EtherType.vlan)
            bytes.append(bigEndian: UInt16(truncatingIfNeeded: priority << 12 | key[.vlan]))
        }
        bytes.append(bigEndian: UInt16(truncatingIfNeeded: key[.etherType]))
        switch UInt16(truncatingIfNeeded: key[.etherType]) {
        case EtherType.ipv4: bytes += packet(key)
        // From a documentation address to another, with no next header: nothing in it is malformed.
        case EtherType.ipv6: bytes += [0x60, 0, 0, 0, 0, 0, 59, 64] + documentation(1) + documentation(2)
        default: break
        }
        return bytes + Array(repeating: 0, count: max(0, 64 - bytes.count))
    }

    private static func documentation(_ host: UInt8) -> [UInt8] {
        [0x20, 0x01, 0x0d, 0xb8] + Array(repeating: 0, count: 11) + [host]
    }

    private static func packet(_ key: KeyValues) -> [UInt8] {
        let ipProtocol = UInt8(truncatingIfNeeded: key[.ipProtocol])
        var l4: [UInt8] = []
        if ipProtocol == IPProtocol.tcp || ipProtocol == IPProtocol.udp {
            l4.append(bigEndian: UInt16(truncatingIfNeeded: key[.sourcePort]))
            l4.append(bigEndian: UInt16(truncatingIfNeeded: key[.destinationPort]))
            // UDP: length, no checksum. TCP: the rest of its header, a SYN.
            l4 +=
                ipProtocol == IPProtocol.udp
                ? [0, 8, 0, 0] : [0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x02, 0, 0, 0, 0, 0, 0]
        } else {
            l4 = Array(repeating: 0, count: 8)
        }
        var header: [UInt8] = [0x45, UInt8(truncatingIfNeeded: key[.dscp]) << 2]
        header.append(bigEndian: UInt16(20 + l4.count))
        header += [0, 0, 0x40, 0, 64, ipProtocol, 0, 0]
        header.append(IPv4Address(rawValue: UInt32(truncatingIfNeeded: key[.ipv4Source])))
        header.append(IPv4Address(rawValue: UInt32(truncatingIfNeeded: key[.ipv4Destination])))
        let checksum = header.withUnsafeBytes { Checksum.of($0.bytes) }
        header.store(bigEndian: checksum, at: 10)
        return header + l4
    }
}

extension KeyValues {
    /// Whether a frame with these fields agrees with every field of this key.
    func matches(_ frame: KeyValues) -> Bool {
        for field in KeyField.allCases where fields.contains(field.set) {
            guard frame.fields.contains(field.set), frame[field] == self[field] else { return false }
        }
        return true
    }
}
