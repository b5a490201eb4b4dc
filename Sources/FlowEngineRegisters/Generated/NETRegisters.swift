// SPDX-License-Identifier: Apache-2.0
// DO NOT EDIT: made by tools/generate-registers from fpga-regs/blocks/net.rdl.

/// NET: Ports.
public struct NETBlock: Sendable {
    /// Taps of the ports.
    public let tap: Register<NETTap, WriteOnly>
    /// Speed of each port.
    public let speedDebug1: Register<NETSpeed, ReadWrite>
    /// Speed of each port.
    public let speedDebug2: Register<NETSpeed, ReadWrite>
    /// Which ports receive; none after a reset.
    public let enable: Register<NETEnable, ReadWrite>
    /// Speed of each port.
    public let speed: Register<NETSpeed, ReadWrite>
    /// Half duplex of each port; marked as unfinished in public.
    public let duplex: Register<NETDuplex, ReadWrite>
    /// Which ports heed pause frames.
    public let pause: Register<NETPause, ReadWrite>
    /// Tells the card which links the PHYs have up. Not in every revision of the map.
    public let link: Register<NETLink, WriteOnly>?
    /// The card's own MAC address, lower part.
    public let ownMACAddrL: Register<NETOwnMACAddrL, WriteOnly>
    /// The card's own MAC address, upper part.
    public let ownMACAddrH: Register<NETOwnMACAddrH, WriteOnly>
    /// A MAC address for each port instead of one for all. What a bit stands for is not public.
    public let portIsolation: Register<NETPortIsolation, WriteOnly>
    /// 6Tree prefix of the node, lower part.
    public let sixTreeAddrL: Register<NET6TAddrL, WriteOnly>
    /// 6Tree prefix of the node, upper part.
    public let sixTreeAddrH: Register<NET6TAddrH, WriteOnly>
    /// 6Tree: index for the source check.
    public let sixTreeSrcPtr: Register<NET6TPtr, WriteOnly>
    /// 6Tree: index for the destination check.
    public let sixTreeDstPtr: Register<NET6TPtr, WriteOnly>
    /// Ports whose confirmation of transmission waits.
    public let txConfVld: Register<NETTXConfVld, ReadOnly>
    /// Confirmation of transmission of a port.
    public let txConf: [NETTXConfBlock]

    init(rev7 base: UInt32) {
        tap = Register(base + 0x0)
        speedDebug1 = Register(base + 0x4)
        speedDebug2 = Register(base + 0x8)
        enable = Register(base + 0x10)
        speed = Register(base + 0x14)
        duplex = Register(base + 0x18)
        pause = Register(base + 0x1c)
        link = nil
        ownMACAddrL = Register(base + 0x20)
        ownMACAddrH = Register(base + 0x24)
        portIsolation = Register(base + 0x28)
        sixTreeAddrL = Register(base + 0x30)
        sixTreeAddrH = Register(base + 0x34)
        sixTreeSrcPtr = Register(base + 0x38)
        sixTreeDstPtr = Register(base + 0x3c)
        txConfVld = Register(base + 0x40)
        txConf = (0..<8).map { NETTXConfBlock(base + 0x50 + UInt32($0) * 0x10) }
    }

    init(rev16 base: UInt32) {
        tap = Register(base + 0x0)
        speedDebug1 = Register(base + 0x4)
        speedDebug2 = Register(base + 0x8)
        enable = Register(base + 0x10)
        speed = Register(base + 0x14)
        duplex = Register(base + 0x18)
        pause = Register(base + 0x1c)
        link = Register(base + 0x20)
        ownMACAddrL = Register(base + 0x24)
        ownMACAddrH = Register(base + 0x28)
        portIsolation = Register(base + 0x2c)
        sixTreeAddrL = Register(base + 0x30)
        sixTreeAddrH = Register(base + 0x34)
        sixTreeSrcPtr = Register(base + 0x38)
        sixTreeDstPtr = Register(base + 0x3c)
        txConfVld = Register(base + 0x40)
        txConf = (0..<8).map { NETTXConfBlock(base + 0x50 + UInt32($0) * 0x10) }
    }

    func list(_ block: String, in list: inout RegisterList) {
        list.add(block, "TAP", tap)
        list.add(block, "SPEED_DEBUG1", speedDebug1)
        list.add(block, "SPEED_DEBUG2", speedDebug2)
        list.add(block, "ENABLE", enable)
        list.add(block, "SPEED", speed)
        list.add(block, "DUPLEX", duplex)
        list.add(block, "PAUSE", pause)
        list.add(block, "LINK", link)
        list.add(block, "OWN_MAC_ADDR_L", ownMACAddrL)
        list.add(block, "OWN_MAC_ADDR_H", ownMACAddrH)
        list.add(block, "PORT_ISOLATION", portIsolation)
        list.add(block, "SIX_TREE_ADDR_L", sixTreeAddrL)
        list.add(block, "SIX_TREE_ADDR_H", sixTreeAddrH)
        list.add(
            block, "SIX_TREE_SRC_PTR", sixTreeSrcPtr,
            "6Tree: index for the source check.")
        list.add(
            block, "SIX_TREE_DST_PTR", sixTreeDstPtr,
            "6Tree: index for the destination check.")
        list.add(block, "TX_CONF_VLD", txConfVld)
        for (index, each) in txConf.enumerated() {
            each.list("\(block).TX_CONF\(index)", in: &list)
        }
    }
}

/// TX_CONF: Confirmation of transmission of a port.
public struct NETTXConfBlock: Sendable {
    /// Which frame is confirmed.
    public let id: Register<NETTXConfID, ReadOnly>
    /// Timestamp, lower part. The entry is cleared when the timestamp is read.
    public let timeLow: Register<NETTXConfTime, ClearOnRead>
    /// Timestamp, upper part. The entry is cleared when the timestamp is read.
    public let timeHigh: Register<NETTXConfTime, ClearOnRead>

    init(_ base: UInt32) {
        id = Register(base + 0x0)
        timeLow = Register(base + 0x4)
        timeHigh = Register(base + 0x8)
    }

    func list(_ block: String, in list: inout RegisterList) {
        list.add(block, "ID", id)
        list.add(
            block, "TIME_LOW", timeLow,
            "Timestamp, lower part. The entry is cleared when the timestamp is read.")
        list.add(
            block, "TIME_HIGH", timeHigh,
            "Timestamp, upper part. The entry is cleared when the timestamp is read.")
    }
}

public enum PortSpeed: RawRepresentable, Hashable, Sendable {
    /// 10 Mb/s
    case mbps10
    /// 100 Mb/s
    case mbps100
    /// 1 Gb/s
    case mbps1000
    /// A value that no public source names.
    case undefined(UInt8)

    public init(rawValue: UInt8) {
        self =
            switch rawValue {
            case 0: .mbps10
            case 1: .mbps100
            case 2: .mbps1000
            default: .undefined(rawValue)
            }
    }

    public var rawValue: UInt8 {
        switch self {
        case .mbps10: 0
        case .mbps100: 1
        case .mbps1000: 2
        case .undefined(let value): value
        }
    }
}

/// TAP: Taps of the ports.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct NETTap: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Ports that take the value: a bit each.
    public var ports: UInt16 {
        get { UInt16(truncatingIfNeeded: rawValue[0, 16]) }
        set { rawValue[0, 16] = UInt32(newValue) }
    }

    /// Value of the tap, in the lower part; its width is not public.
    public var tap: UInt16 {
        get { UInt16(truncatingIfNeeded: rawValue[16, 16]) }
        set { rawValue[16, 16] = UInt32(newValue) }
    }

    public static let about = RegisterAbout(
        "Taps of the ports.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [
            .init("ports", 0, 16, "Ports that take the value: a bit each."),
            .init("tap", 16, 16, "Value of the tap, in the lower part; its width is not public."),
        ])
}

/// SPEED: Speed of each port.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct NETSpeed: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Speed of the port.
    public subscript(port index: Int) -> PortSpeed {
        get { PortSpeed(rawValue: UInt8(truncatingIfNeeded: rawValue[checked(index, 16) * 2, 2])) }
        set { rawValue[checked(index, 16) * 2, 2] = UInt32(newValue.rawValue) }
    }

    public static let about = RegisterAbout(
        "Speed of each port.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [
            .init("port0", 0, 2, "Speed of the port."),
            .init("port1", 2, 2, "Speed of the port."),
            .init("port2", 4, 2, "Speed of the port."),
            .init("port3", 6, 2, "Speed of the port."),
            .init("port4", 8, 2, "Speed of the port."),
            .init("port5", 10, 2, "Speed of the port."),
            .init("port6", 12, 2, "Speed of the port."),
            .init("port7", 14, 2, "Speed of the port."),
            .init("port8", 16, 2, "Speed of the port."),
            .init("port9", 18, 2, "Speed of the port."),
            .init("port10", 20, 2, "Speed of the port."),
            .init("port11", 22, 2, "Speed of the port."),
            .init("port12", 24, 2, "Speed of the port."),
            .init("port13", 26, 2, "Speed of the port."),
            .init("port14", 28, 2, "Speed of the port."),
            .init("port15", 30, 2, "Speed of the port."),
        ])
}

/// ENABLE: Which ports receive; none after a reset.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct NETEnable: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// The port receives.
    public subscript(port index: Int) -> Bool {
        get { rawValue[checked(index, 16)] }
        set { rawValue[checked(index, 16)] = newValue }
    }

    public static let about = RegisterAbout(
        "Which ports receive; none after a reset.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: 0x0,
        [
            .init("port0", 0, 1, "The port receives."),
            .init("port1", 1, 1, "The port receives."),
            .init("port2", 2, 1, "The port receives."),
            .init("port3", 3, 1, "The port receives."),
            .init("port4", 4, 1, "The port receives."),
            .init("port5", 5, 1, "The port receives."),
            .init("port6", 6, 1, "The port receives."),
            .init("port7", 7, 1, "The port receives."),
            .init("port8", 8, 1, "The port receives."),
            .init("port9", 9, 1, "The port receives."),
            .init("port10", 10, 1, "The port receives."),
            .init("port11", 11, 1, "The port receives."),
            .init("port12", 12, 1, "The port receives."),
            .init("port13", 13, 1, "The port receives."),
            .init("port14", 14, 1, "The port receives."),
            .init("port15", 15, 1, "The port receives."),
        ])
}

/// DUPLEX: Half duplex of each port; marked as unfinished in public.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct NETDuplex: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// The port is half duplex.
    public subscript(port index: Int) -> Bool {
        get { rawValue[checked(index, 16)] }
        set { rawValue[checked(index, 16)] = newValue }
    }

    public static let about = RegisterAbout(
        "Half duplex of each port; marked as unfinished in public.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [
            .init("port0", 0, 1, "The port is half duplex."),
            .init("port1", 1, 1, "The port is half duplex."),
            .init("port2", 2, 1, "The port is half duplex."),
            .init("port3", 3, 1, "The port is half duplex."),
            .init("port4", 4, 1, "The port is half duplex."),
            .init("port5", 5, 1, "The port is half duplex."),
            .init("port6", 6, 1, "The port is half duplex."),
            .init("port7", 7, 1, "The port is half duplex."),
            .init("port8", 8, 1, "The port is half duplex."),
            .init("port9", 9, 1, "The port is half duplex."),
            .init("port10", 10, 1, "The port is half duplex."),
            .init("port11", 11, 1, "The port is half duplex."),
            .init("port12", 12, 1, "The port is half duplex."),
            .init("port13", 13, 1, "The port is half duplex."),
            .init("port14", 14, 1, "The port is half duplex."),
            .init("port15", 15, 1, "The port is half duplex."),
        ])
}

/// PAUSE: Which ports heed pause frames.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct NETPause: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// The port heeds pause frames.
    public subscript(port index: Int) -> Bool {
        get { rawValue[checked(index, 16)] }
        set { rawValue[checked(index, 16)] = newValue }
    }

    public static let about = RegisterAbout(
        "Which ports heed pause frames.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [
            .init("port0", 0, 1, "The port heeds pause frames."),
            .init("port1", 1, 1, "The port heeds pause frames."),
            .init("port2", 2, 1, "The port heeds pause frames."),
            .init("port3", 3, 1, "The port heeds pause frames."),
            .init("port4", 4, 1, "The port heeds pause frames."),
            .init("port5", 5, 1, "The port heeds pause frames."),
            .init("port6", 6, 1, "The port heeds pause frames."),
            .init("port7", 7, 1, "The port heeds pause frames."),
            .init("port8", 8, 1, "The port heeds pause frames."),
            .init("port9", 9, 1, "The port heeds pause frames."),
            .init("port10", 10, 1, "The port heeds pause frames."),
            .init("port11", 11, 1, "The port heeds pause frames."),
            .init("port12", 12, 1, "The port heeds pause frames."),
            .init("port13", 13, 1, "The port heeds pause frames."),
            .init("port14", 14, 1, "The port heeds pause frames."),
            .init("port15", 15, 1, "The port heeds pause frames."),
        ])
}

/// OWN_MAC_ADDR_L: The card's own MAC address, lower part.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct NETOwnMACAddrL: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Lower 32 bits.
    public var address: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "The card's own MAC address, lower part.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("address", 0, 32, "Lower 32 bits.")])
}

/// OWN_MAC_ADDR_H: The card's own MAC address, upper part.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct NETOwnMACAddrH: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Upper 16 bits.
    public var address: UInt16 {
        get { UInt16(truncatingIfNeeded: rawValue[0, 16]) }
        set { rawValue[0, 16] = UInt32(newValue) }
    }

    public static let about = RegisterAbout(
        "The card's own MAC address, upper part.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("address", 0, 16, "Upper 16 bits.")])
}

/// PORT_ISOLATION: A MAC address for each port instead of one for all. What a bit stands for is not public.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct NETPortIsolation: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "A MAC address for each port instead of one for all. What a bit stands for is not public.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// 6T_ADDR_L: 6Tree prefix of the node, lower part.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct NET6TAddrL: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Bits 31:0 of the prefix.
    public var prefix: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "6Tree prefix of the node, lower part.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("prefix", 0, 32, "Bits 31:0 of the prefix.")])
}

/// 6T_ADDR_H: 6Tree prefix of the node, upper part.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct NET6TAddrH: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Bits 55:32 of the prefix; the first byte of the address is 0xAF and not configured.
    public var prefix: UInt32 {
        get { rawValue[0, 24] }
        set { rawValue[0, 24] = newValue }
    }

    public static let about = RegisterAbout(
        "6Tree prefix of the node, upper part.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [
            .init(
                "prefix", 0, 24,
                "Bits 55:32 of the prefix; the first byte of the address is 0xAF and not configured.")
        ])
}

/// 6T pointer: Index of a nibble in the 6Tree prefix.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct NET6TPtr: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Index.
    public var index: UInt8 {
        get { UInt8(truncatingIfNeeded: rawValue[0, 4]) }
        set { rawValue[0, 4] = UInt32(newValue) }
    }

    public static let about = RegisterAbout(
        "Index of a nibble in the 6Tree prefix.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("index", 0, 4, "Index.")])
}

/// TX_CONF_VLD: Ports whose confirmation of transmission waits.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct NETTXConfVld: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// A confirmation waits at the port.
    public subscript(port index: Int) -> Bool {
        get { rawValue[checked(index, 16)] }
        set { rawValue[checked(index, 16)] = newValue }
    }

    public static let about = RegisterAbout(
        "Ports whose confirmation of transmission waits.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [
            .init("port0", 0, 1, "A confirmation waits at the port."),
            .init("port1", 1, 1, "A confirmation waits at the port."),
            .init("port2", 2, 1, "A confirmation waits at the port."),
            .init("port3", 3, 1, "A confirmation waits at the port."),
            .init("port4", 4, 1, "A confirmation waits at the port."),
            .init("port5", 5, 1, "A confirmation waits at the port."),
            .init("port6", 6, 1, "A confirmation waits at the port."),
            .init("port7", 7, 1, "A confirmation waits at the port."),
            .init("port8", 8, 1, "A confirmation waits at the port."),
            .init("port9", 9, 1, "A confirmation waits at the port."),
            .init("port10", 10, 1, "A confirmation waits at the port."),
            .init("port11", 11, 1, "A confirmation waits at the port."),
            .init("port12", 12, 1, "A confirmation waits at the port."),
            .init("port13", 13, 1, "A confirmation waits at the port."),
            .init("port14", 14, 1, "A confirmation waits at the port."),
            .init("port15", 15, 1, "A confirmation waits at the port."),
        ])
}

/// ID: Which frame is confirmed.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct NETTXConfID: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Confirmation id of the frame, 1-65535.
    public var id: UInt16 {
        get { UInt16(truncatingIfNeeded: rawValue[0, 16]) }
        set { rawValue[0, 16] = UInt32(newValue) }
    }

    /// The last one.
    public var last: Bool {
        get { rawValue[16] }
        set { rawValue[16] = newValue }
    }

    public static let about = RegisterAbout(
        "Which frame is confirmed.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [
            .init("id", 0, 16, "Confirmation id of the frame, 1-65535."),
            .init("last", 16, 1, "The last one."),
        ])
}

/// time: When it was sent. The entry is cleared when the timestamp is read.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct NETTXConfTime: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// In nanoseconds.
    public var nanoseconds: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "When it was sent. The entry is cleared when the timestamp is read.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// LINK: Tells the card which links the PHYs have up.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct NETLink: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// The link of the port is up.
    public subscript(port index: Int) -> Bool {
        get { rawValue[checked(index, 16)] }
        set { rawValue[checked(index, 16)] = newValue }
    }

    public static let about = RegisterAbout(
        "Tells the card which links the PHYs have up.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [
            .init("port0", 0, 1, "The link of the port is up."),
            .init("port1", 1, 1, "The link of the port is up."),
            .init("port2", 2, 1, "The link of the port is up."),
            .init("port3", 3, 1, "The link of the port is up."),
            .init("port4", 4, 1, "The link of the port is up."),
            .init("port5", 5, 1, "The link of the port is up."),
            .init("port6", 6, 1, "The link of the port is up."),
            .init("port7", 7, 1, "The link of the port is up."),
            .init("port8", 8, 1, "The link of the port is up."),
            .init("port9", 9, 1, "The link of the port is up."),
            .init("port10", 10, 1, "The link of the port is up."),
            .init("port11", 11, 1, "The link of the port is up."),
            .init("port12", 12, 1, "The link of the port is up."),
            .init("port13", 13, 1, "The link of the port is up."),
            .init("port14", 14, 1, "The link of the port is up."),
            .init("port15", 15, 1, "The link of the port is up."),
        ])
}
