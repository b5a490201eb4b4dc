// SPDX-License-Identifier: Apache-2.0
import Packet

/// Hierarchical IPv6 routing: 16 nibbles of a /64, one for each level of the tree. How the hardware compares is not public;
/// this is a model of our own, with its doubts as readings.
struct SixTree: Sendable {
    enum Decision: Hashable {
        case port(Int)
        case dropped(ReasonCode)
    }

    static let firstByte: UInt64 = 0xaf
    /// 6T_ADDR_L.
    var low: UInt32 = 0
    /// 6T_ADDR_H, 24 bits.
    var high: UInt32 = 0
    /// 6T_SRC_PTR and 6T_DST_PTR, index of a nibble.
    var sourcePointer = 0
    var destinationPointer = 0

    /// The node's /64.
    var prefix: UInt64 { Self.firstByte << 56 | UInt64(high & 0xff_ffff) << 32 | UInt64(low) }

    /// Nil: not its business.
    /// - Precondition: an IPv6 header lies at `offset`.
    func decide(
        _ frame: RawSpan, at offset: Int, ingress: Int, portCount: Int, uplinks: UInt16, _ variants: CardVariants
    ) -> Decision? {
        let source = frame.uint64(at: offset + 8)
        let destination = frame.uint64(at: offset + 24)
        if variants.sixTreeScope == .unicast, destination >> 56 == 0xff || destination >> 54 == 0xfe80 >> 6 {
            return nil
        }
        let isFromUplink = ingress < 16 && uplinks >> UInt16(ingress) & 1 != 0
        if variants.sixTreeCountsHops, frame.octet(at: offset + 7) <= 1 { return .dropped(.sixTreeDestination) }
        let pointer = nibble(destinationPointer, variants)
        if isSame(destination, upTo: pointer) {
            let port = value(of: destination, at: pointer)
            return port < portCount ? .port(port) : .dropped(.sixTreeDestination)
        }
        guard !isFromUplink else { return .dropped(.sixTreeDestination) }
        guard uplinks != 0 else { return nil }
        if variants.sixTreeRule == .prefixAndSource {
            let pointer = nibble(sourcePointer, variants)
            guard isSame(source, upTo: pointer), value(of: source, at: pointer) == ingress else {
                return .dropped(.sixTreeSource)
            }
        }
        return .port(uplinks.trailingZeroBitCount)
    }

    private func nibble(_ pointer: Int, _ variants: CardVariants) -> Int {
        variants.sixTreePointer == .address ? pointer : min(pointer + 2, 15)
    }

    private func isSame(_ address: UInt64, upTo nibble: Int) -> Bool {
        nibble == 0 || (address ^ prefix) >> UInt64(64 - nibble * 4) == 0
    }

    private func value(of address: UInt64, at nibble: Int) -> Int { Int(address >> UInt64(60 - nibble * 4) & 15) }
}
