// SPDX-License-Identifier: Apache-2.0
import BPF

/// What the packets of a measurement are: the same formulas as in `bpf/bench/bench.h`.
struct Workload {
    enum Kind: UInt32 {
        /// Flow number n has a source address and port of its own.
        case flows = 0
        /// Packet n goes to an address under prefix number n.
        case routes = 1
    }

    /// As `struct bench_settings`.
    struct Settings {
        var sequence: UInt64 = 0
        var count: UInt32
        var kind: UInt32
        var inOrder: UInt32
        var macs: (UInt32, UInt32, UInt32)
        var pad: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0, 0, 0, 0, 0)
    }

    var kind: Kind = .flows
    /// Flows, or prefixes, visited.
    var count: Int
    /// One after the other instead of at random.
    var inOrder = false
    var destination = Workload.station

    /// The node's address at its first port; frames to be routed carry it.
    static let station: [UInt8] = [2, 0, 0, 0, 0, 1]
    static let generator: [UInt8] = [2, 0, 0, 0, 0, 2]

    func store(into settings: borrowing MappedArray, sequence: UInt64) {
        let macs = destination + Workload.generator
        func word(_ at: Int) -> UInt32 { (0..<4).reduce(0) { $0 | UInt32(macs[at + $1]) << (8 * UInt32($1)) } }
        settings.baseAddress.storeBytes(
            of: Settings(
                sequence: sequence, count: UInt32(count), kind: kind.rawValue, inOrder: inOrder ? 1 : 0,
                macs: (word(0), word(4), word(8))),
            as: Settings.self)
    }
}

enum Family: String, CaseIterable {
    case ipv4 = "IPv4"
    case ipv6 = "IPv6"

    /// 64 bytes of Ethernet, IPv4 and UDP; 78 of Ethernet, IPv6 and TCP.
    var packet: [UInt8] {
        switch self {
        case .ipv4:
            Workload.station + Workload.generator + [0x08, 0x00]
                + [0x45, 0, 0, 50, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 0, 192, 0, 2, 1]
                + [0, 0, 0, 53, 0, 30, 0, 0] + [UInt8](repeating: 0, count: 22)
        case .ipv6:
            Workload.station + Workload.generator + [0x86, 0xdd]
                + [0x60, 0, 0, 0, 0, 24, 6, 64] + [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 12)
                + [0x20, 0x01, 0x0d, 0xb8, 0, 1] + [UInt8](repeating: 0, count: 9) + [1]
                + [0, 0, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        }
    }
}

/// A flow by its number: fields in host order.
struct BenchFlow {
    var sourceHigh: UInt64
    var sourceLow: UInt64
    var destinationHigh: UInt64
    var destinationLow: UInt64
    var sourcePort: UInt16
    var destinationPort: UInt16
    var ipProtocol: UInt8

    init(_ number: Int, _ family: Family) {
        let random = mix64(UInt64(number))
        switch family {
        case .ipv4:
            (sourceHigh, destinationHigh) = (0, 0)
            sourceLow = UInt64(0x0a00_0000 | ((UInt32(truncatingIfNeeded: number) &* 0x9e37_79b1) & 0xff_ffff))
            destinationLow = 0xc000_0201
            sourcePort = UInt16(truncatingIfNeeded: random).byteSwapped | 1024
            (destinationPort, ipProtocol) = (53, 17)
        case .ipv6:
            (sourceHigh, destinationHigh) = (0x2001_0db8_0000_0000, 0x2001_0db8_0001_0000)
            sourceLow = random.byteSwapped
            destinationLow = 1
            sourcePort = UInt16(truncatingIfNeeded: random >> 32).byteSwapped | 1024
            (destinationPort, ipProtocol) = (80, 6)
        }
    }
}

/// Prefix number n: the upper half of the address a packet of the routes workload goes to, cut to a length as routing
/// tables have them: half /48, the rest /32 to /44. Different numbers may give the same prefix.
struct BenchPrefix: Hashable {
    var high: UInt64
    var length: Int

    init(_ number: Int) {
        length = number % 2 == 0 ? 48 : 32 + Int(mix32(UInt32(number)) % 13)
        high = (0x2000_0000_0000_0000 | (mix64(UInt64(number)) >> 3)) & (~0 << (64 - UInt64(length)))
    }
}

func mix32(_ value: UInt32) -> UInt32 {
    var h = value
    h = (h ^ (h >> 16)) &* 0x85eb_ca6b
    h = (h ^ (h >> 13)) &* 0xc2b2_ae35
    return h ^ (h >> 16)
}

func mix64(_ value: UInt64) -> UInt64 {
    var h = value
    h = (h ^ (h >> 33)) &* 0xff51_afd7_ed55_8ccd
    h = (h ^ (h >> 33)) &* 0xc4ce_b9fe_1a85_ec53
    return h ^ (h >> 33)
}
