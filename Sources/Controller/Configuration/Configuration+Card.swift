// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

extension Configuration {
    /// The packet processor in front of the fast path: where it is, and what may move to it. Which card that is, and what it can do, is
    /// its driver's to say.
    public struct Card: Hashable, Sendable {
        /// The way to its registers.
        public enum Bus: Hashable, Sendable {
            /// A device of spidev: `spi:/dev/spidev0.0`.
            case spi(String)
            /// A PCI function by its address: `pci:0000:01:00.0`.
            case pci(String)
            /// The socket of a card that is a process: `simulated:/run/card.sock`.
            case simulated(String)
        }

        /// The boards there are.
        public enum Board: String, Hashable, Sendable, CaseIterable {
            case realTimeHAT = "real-time-hat"
            case trustNode = "trustnode"

            /// Numbers of the ports that can be the node's. A Real-Time HAT's port 1 is cabled to the host.
            var ports: [Int] { self == .realTimeHAT ? [0, 2] : Array(0...11) }
        }

        /// A port of the node and the card's port that it is.
        public struct Port: Hashable, Sendable {
            public enum Speed: String, Hashable, Sendable, CaseIterable {
                case mbps10 = "10Mbit"
                case mbps100 = "100Mbit"
                case mbps1000 = "1Gbit"
            }

            public var name: Located<String>
            /// 0...31: keys have five bits for it.
            public var physical: Int
            /// nil: as the card has it.
            public var speed: Speed?

            public init(name: Located<String>, physical: Int, speed: Speed? = nil) {
                (self.name, self.physical, self.speed) = (name, physical, speed)
            }
        }

        /// 6Tree: the card's own routing of IPv6 by nibbles of an address in AF00::/8.
        public struct SixTree: Hashable, Sendable {
            /// The node's /64.
            public var prefix: IPPrefix
            /// Nibble of the prefix, 0...15, that sources are checked at, and the one destinations are chosen by.
            public var sourceNibble: Int
            public var destinationNibble: Int
        }

        /// What the operator knows of the card that no public source says. What is nil is as the sources for the board have it.
        public struct Quirks: Hashable, Sendable {
            /// Bit of an action word that drops.
            public var dropBit: Int?
            /// The card counts what its rules drop.
            public var countsDrops = false
            /// VLAN id, in keys, of frames without a tag.
            public var untaggedVLAN: Int?
            /// Rules that the collision table and EMA hold.
            public var collisionEntries: Int?
            public var emaEntries: Int?

            public init() {}
        }

        /// The interface that is cabled to the card and carries tagged frames (Real-Time HAT).
        public struct CPUPort: Hashable, Sendable {
            public enum Untagged: String, Hashable, Sendable, CaseIterable { case drop, kernel }

            public var interface: String
            /// Version of the tag, 1...4.
            public var tag = 4
            /// What becomes of frames without a tag.
            public var untagged = Untagged.drop

            public init(interface: String) { self.interface = interface }
        }

        public var bus: Bus
        /// What the bus leads to. A simulated card may be either.
        public var board: Board
        /// Of SPI, Hz; nil: the highest at which the driver's self-test passes.
        public var speed: Int?
        /// Clock polarity and phase of SPI, 0...3.
        public var mode = 0
        public var ports: [Port] = []
        /// nil: the ports' interfaces are there by themselves (TrustNode), or tagged frames are somebody else's business.
        public var cpuPort: CPUPort?
        /// The key sets that the bitstream was built with; nil: as the card says.
        public var hashRevision: Int?
        /// What the operator vouches for of the way the card reads frames, beside what its driver knows.
        public var traits = OffloadTraits()
        public var quirks = Quirks()
        /// Bytes, in units of 64, of the card's packet memory that the frames of one rule may hold; nil: as the card has it.
        public var packetMemory: Int?
        public var sixTree: SixTree?
        /// Packets per second from which on a flow may move to the card, and below which its rule leaves.
        public var promote = 1000
        public var demote = 200
        /// Per cent of the card that one tenant's traffic can take from that of others; of a port that is no tenant's, that port's.
        public var share = 50
        /// Tenants who have another share, per cent.
        public var shares: [String: Int] = [:]
        public var location: SourceLocation

        public init(bus: Bus, location: SourceLocation) {
            (self.bus, board, self.location) = (bus, bus.board, location)
        }
    }
}

extension Configuration.Card.Bus {
    /// As in the file.
    public var text: String {
        switch self {
        case .spi(let path): "spi:\(path)"
        case .pci(let address): "pci:\(address)"
        case .simulated(let path): "simulated:\(path)"
        }
    }

    /// What it leads to, unless something else is said.
    var board: Configuration.Card.Board {
        if case .pci = self { .trustNode } else { .realTimeHAT }
    }

    static let expected =
        "spi:/dev/spidev0.0, pci:0000:01:00.0 or simulated:/run/card.sock, with a path that begins with /"

    init?(_ text: String) {
        guard let colon = text.firstIndex(of: ":") else { return nil }
        let place = String(text[text.index(after: colon)...])
        switch text[..<colon] {
        case "spi" where place.hasPrefix("/"): self = .spi(place)
        case "simulated" where place.hasPrefix("/"): self = .simulated(place)
        case "pci" where Self.isPCIAddress(place): self = .pci(place)
        default: return nil
        }
    }

    /// `0000:01:00.0`, as sysfs names it: domain, bus, device, function.
    private static func isPCIAddress(_ text: String) -> Bool {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3, let dot = parts[2].firstIndex(of: ".") else { return false }
        func isHex(_ part: Substring, digits: Int, below limit: Int = .max) -> Bool {
            part.utf8.count == digits && part.allSatisfy { $0.isASCII && $0.isHexDigit && !$0.isUppercase }
                && Int(part, radix: 16).map { $0 < limit } == true
        }
        return isHex(parts[0], digits: 4) && isHex(parts[1], digits: 2)
            && isHex(parts[2][..<dot], digits: 2, below: 32)
            && isHex(parts[2][parts[2].index(after: dot)...], digits: 1, below: 8)
    }
}

/// The words of the file for `OffloadTraits`, in their order.
enum CardTrait {
    static let flags: [(name: String, path: WritableKeyPath<OffloadTraits, Bool> & Sendable)] = [
        ("skips_malformed", \.skipsMalformed), ("skips_priority_tags", \.skipsPriorityTags),
        ("skips_invalid_source", \.skipsInvalidSource),
        ("drops_to_ingress", \.dropsToIngress), ("skips_reserved_multicast", \.skipsReservedMulticast),
        ("knows_fragments", \.knowsFragments), ("skips_fragments", \.skipsFragments),
        ("skips_options", \.skipsOptions), ("reads_service_tags", \.readsServiceTags),
    ]

    static let numbers:
        [(name: String, path: WritableKeyPath<OffloadTraits, Int?> & Sendable, range: ClosedRange<Int>)] = [
            ("tags_read", \.tagsRead, 0...2), ("minimum_frame", \.minimumFrame, 14...1518),
            ("maximum_frame", \.maximumFrame, 60...65_535),
        ]
}
