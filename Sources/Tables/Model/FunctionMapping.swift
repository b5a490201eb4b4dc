// SPDX-License-Identifier: Apache-2.0
import Packet

/// A function's name as a number: the first 64 bits of the SHA-256 of `tenant/name@version`.
public struct FunctionID: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// - Returns: nil for what is not `tenant/name@version`: one slash, then one `@`, something in front of, between and behind them.
    public init?(name: String) {
        let owner = name.split(separator: "/", omittingEmptySubsequences: false)
        guard owner.count == 2, !owner[0].isEmpty, !owner[0].contains("@") else { return nil }
        let version = owner[1].split(separator: "@", omittingEmptySubsequences: false)
        guard version.count == 2, !version[0].isEmpty, !version[1].isEmpty else { return nil }
        rawValue = SHA256.digest(of: Array(name.utf8)).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The address that stands for the function where hardware matches no IPv6 address: 02, then the id's first 40 bits. Locally
    /// administered and unicast. Two functions may share one: `sharedAddresses(of:)`.
    public var mac: MACAddress { MACAddress(rawValue: 0x02 << 40 | rawValue >> 24) }

    /// Addresses that more than one of these functions have. None of those functions may be known by its address alone.
    public static func sharedAddresses(of functions: some Sequence<FunctionID>) -> [MACAddress: Set<FunctionID>] {
        var byAddress: [MACAddress: Set<FunctionID>] = [:]
        for function in functions { byAddress[function.mac, default: []].insert(function) }
        return byAddress.filter { $0.value.count > 1 }
    }
}

/// A function's IPv6 address, and what a card that cannot match it can match instead (`Docs/decisions/0010`).
public struct FunctionMapping: Hashable, Sendable, BitwiseCopyable {
    /// The first 32 bits of the address: a setting of the network.
    public var block: UInt32
    public var function: FunctionID
    /// The last 32 bits: 0, or a capability tag. No hardware looks at it.
    public var argument: UInt32

    public init(block: UInt32, function: FunctionID, argument: UInt32 = 0) {
        (self.block, self.function, self.argument) = (block, function, argument)
    }

    public init(_ address: IPv6Address) {
        block = UInt32(truncatingIfNeeded: address.high >> 32)
        function = FunctionID(rawValue: address.high << 32 | address.low >> 32)
        argument = UInt32(truncatingIfNeeded: address.low)
    }

    /// block : id : argument.
    public var address: IPv6Address {
        IPv6Address(
            high: UInt64(block) << 32 | function.rawValue >> 32, low: function.rawValue << 32 | UInt64(argument))
    }

    /// All addresses of the function, whatever the argument: a route.
    public var prefix: IPPrefix {
        var first = self
        first.argument = 0
        return IPPrefix(.v6(first.address), length: 96) ?? IPPrefix(host: .v6(first.address))
    }

    /// The frames that are the function's: those to its address in a VLAN, which the one who sends them there has put into the frame.
    /// - Parameters:
    ///   - vlan: nil for a key without one (hash revisions 10 to 12).
    ///   - ingressPort: only for a key that has it (hash revision 11).
    public func megaflow(vlan: VLANID?, ingressPort: PortID? = nil) -> Megaflow {
        var megaflow = Megaflow()
        (megaflow.destinationMAC, megaflow.vlan, megaflow.ingressPort) = (function.mac, vlan, ingressPort)
        return megaflow
    }

    /// Where the address is in a 6Tree; nil if it is in none: its first byte is not 0xAF.
    public var treePath: TreePath? {
        let high = address.high
        return high >> 56 == UInt64(TreePath.firstByte) ? TreePath(rawValue: high & 0xff_ffff_ffff_ffff) : nil
    }
}

/// A place in a 6Tree: the 14 nibbles behind the first byte of an address's /64, each the number of a port one level further down
/// (facts, section 5).
public struct TreePath: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    /// What every address of a 6Tree begins with.
    public static let firstByte: UInt8 = 0xaf
    /// Levels that an address tells of.
    public static let levels = 14

    /// 56 bits, the first nibble highest: as the card's address registers have them, 24 high and 32 low.
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue & 0xff_ffff_ffff_ffff }

    /// The downlink that a node at a level hands the address to, 0...15.
    /// - Parameter level: 0 is the root's choice; 0...13.
    public func port(level: Int) -> UInt8 {
        precondition((0..<Self.levels).contains(level), "level \(level) of \(Self.levels)")
        return UInt8(truncatingIfNeeded: rawValue >> UInt64(52 - 4 * level)) & 0xf
    }

    /// What a node at a level has in front of its own choice: all addresses below it.
    /// - Parameter level: 0 (the root: AF00::/8) to 14.
    public func prefix(level: Int) -> IPPrefix {
        let address = IPv6Address(high: UInt64(Self.firstByte) << 56 | rawValue, low: 0)
        return IPPrefix(.v6(address), length: 8 + 4 * min(max(level, 0), Self.levels))
            ?? IPPrefix(host: .v6(address))
    }
}
