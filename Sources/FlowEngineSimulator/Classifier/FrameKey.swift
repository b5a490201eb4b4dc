// SPDX-License-Identifier: Apache-2.0

/// What rules of the flow cache can ask of a frame.
public enum KeyField: Int, Hashable, Sendable, CaseIterable {
    // In the order of the bits of an EMA rule's TYPE (TNflowtable).
    case inPort, sourceMAC, destinationMAC, etherType, vlanID, vlanPriority
    case ipv4Source, ipv4Destination, ipProtocol, tos, sourcePort, destinationPort

    /// As in the layouts of table entries.
    public init?(layoutName: String) {
        guard let index = Self.layoutNames.firstIndex(of: layoutName) else { return nil }
        self.init(rawValue: index)
    }

    public var layoutName: String { Self.layoutNames[rawValue] }

    static let layoutNames = [
        "in_port", "mac_src", "mac_dst", "ethertype", "vlan_id", "vlan_prio", "ipv4_src", "ipv4_dst", "proto", "tos",
        "port_src", "port_dst",
    ]

    /// Word, lowest bit and width in a `FrameKey`.
    var place: (word: Int, shift: UInt64, width: UInt64) {
        switch self {
        case .destinationMAC: (0, 0, 48)
        case .etherType: (0, 48, 16)
        case .sourceMAC: (1, 0, 48)
        case .vlanPriority: (1, 48, 16)
        case .ipv4Destination: (2, 0, 32)
        case .ipv4Source: (2, 32, 32)
        case .destinationPort: (3, 0, 16)
        case .sourcePort: (3, 16, 16)
        case .ipProtocol: (3, 32, 8)
        case .tos: (3, 40, 8)
        case .vlanID: (3, 48, 12)
        case .inPort: (4, 0, 8)
        }
    }

    /// In word 4: the frame has the field.
    var presence: UInt64 { 1 << UInt64(16 + rawValue) }
}

/// The fields of a frame, or the fields a rule asks for, packed so that a rule compares in five words.
struct FrameKey: Hashable, Sendable, BitwiseCopyable {
    var a: UInt64 = 0
    var b: UInt64 = 0
    var c: UInt64 = 0
    var d: UInt64 = 0
    var e: UInt64 = 0

    subscript(field: KeyField) -> UInt64 {
        get {
            let (word, shift, width) = field.place
            return self[word: word] >> shift & ((1 << width) - 1)
        }
        set {
            let (word, shift, width) = field.place
            let mask: UInt64 = (1 << width) - 1
            self[word: word] = self[word: word] & ~(mask << shift) | (newValue & mask) << shift
        }
    }

    private subscript(word word: Int) -> UInt64 {
        get {
            switch word {
            case 0: a
            case 1: b
            case 2: c
            case 3: d
            default: e
            }
        }
        set {
            switch word {
            case 0: a = newValue
            case 1: b = newValue
            case 2: c = newValue
            case 3: d = newValue
            default: e = newValue
            }
        }
    }

    func has(_ field: KeyField) -> Bool { e & field.presence != 0 }

    mutating func mark(_ field: KeyField) { e |= field.presence }

    /// Everything in `mask` is as in `value`.
    @inline(__always)
    func agrees(with value: FrameKey, under mask: FrameKey) -> Bool {
        (a ^ value.a) & mask.a | (b ^ value.b) & mask.b | (c ^ value.c) & mask.c | (d ^ value.d) & mask.d
            | (e ^ value.e) & mask.e == 0
    }

    /// Asks for a field: it must be there and have this value.
    static func ask(_ field: KeyField, _ number: UInt64, value: inout FrameKey, mask: inout FrameKey) {
        value[field] = number
        value.mark(field)
        mask[field] = ~0
        mask.mark(field)
    }
}
