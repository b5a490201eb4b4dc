// SPDX-License-Identifier: Apache-2.0

/// A frame that left the card.
public enum CardEmission: Hashable, Sendable {
    case port(Int, [UInt8])
    /// TrustNode: the ring, which is the CPU interface TNx. HAT: the port it came in at; the frame carries the tag.
    case cpu(interface: Int, [UInt8])

    public var frame: [UInt8] {
        switch self {
        case .port(_, let frame), .cpu(_, let frame): frame
        }
    }
}
