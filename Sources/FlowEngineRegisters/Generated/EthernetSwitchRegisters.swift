// SPDX-License-Identifier: Apache-2.0
// DO NOT EDIT: made by tools/generate-registers from fpga-regs/blocks/ethernet_switch.rdl.

/// Ethernet switch: MAC learning of a datapath.
public struct EthernetSwitchBlock: Sendable {
    /// Switches it on. What bits above the first stand for is not public.
    public let common: Register<EthernetSwitchCommon, ReadWrite>
    /// How long an address is kept that is not seen: seconds / 2 - 1; 149 is 300 s.
    public let ageing: Register<EthernetSwitchAgeing, ReadWrite>
    /// Frames that began.
    public let numSOF: Register<EthernetSwitchCounter, ReadOnly>
    /// Addresses learned.
    public let numLearned: Register<EthernetSwitchCounter, ReadOnly>
    /// Addresses aged out.
    public let numAgedOut: Register<EthernetSwitchCounter, ReadOnly>
    /// Frames flooded as their address was not known.
    public let numFloodUnknown: Register<EthernetSwitchCounter, ReadOnly>
    /// Frames flooded as the table was full.
    public let numFloodFull: Register<EthernetSwitchCounter, ReadOnly>
    /// Errors of ports.
    public let numPortError: Register<EthernetSwitchCounter, ReadOnly>
    /// Frames from the address to compare with.
    public let numMatchSrc: Register<EthernetSwitchCounter, ReadOnly>
    /// Frames to the address to compare with.
    public let numMatchDst: Register<EthernetSwitchCounter, ReadOnly>
    /// Address to count matches of.
    public let cmpSrcMatchL: Register<EthernetSwitchCmpLow, ReadWrite>
    /// Address to count matches of.
    public let cmpSrcMatchH: Register<EthernetSwitchCmpHigh, ReadWrite>
    /// Address to count matches of.
    public let cmpDstMatchL: Register<EthernetSwitchCmpLow, ReadWrite>
    /// Address to count matches of.
    public let cmpDstMatchH: Register<EthernetSwitchCmpHigh, ReadWrite>
    /// Entry of the MAC table to look at. How it is counted is not public.
    public let tableAddr: Register<EthernetSwitchTableAddr, ReadWrite>
    /// Part of an entry of the MAC table; its layout is not public.
    public let tableDataL: Register<EthernetSwitchTableData, ReadOnly>
    /// Part of an entry of the MAC table; its layout is not public.
    public let tableDataH: Register<EthernetSwitchTableData, ReadOnly>
    /// Entries in each of eight buckets of the MAC table.
    public let bucketFill: RegisterArray<EthernetSwitchBucketFill, ReadOnly>

    init(_ base: UInt32) {
        common = Register(base + 0x0)
        ageing = Register(base + 0x4)
        numSOF = Register(base + 0x10)
        numLearned = Register(base + 0x14)
        numAgedOut = Register(base + 0x18)
        numFloodUnknown = Register(base + 0x1c)
        numFloodFull = Register(base + 0x20)
        numPortError = Register(base + 0x24)
        numMatchSrc = Register(base + 0x28)
        numMatchDst = Register(base + 0x2c)
        cmpSrcMatchL = Register(base + 0x30)
        cmpSrcMatchH = Register(base + 0x34)
        cmpDstMatchL = Register(base + 0x38)
        cmpDstMatchH = Register(base + 0x3c)
        tableAddr = Register(base + 0x50)
        tableDataL = Register(base + 0x54)
        tableDataH = Register(base + 0x58)
        bucketFill = RegisterArray(base + 0x60, stride: 4, count: 16)
    }

    func list(_ block: String, in list: inout RegisterList) {
        list.add(block, "COMMON", common)
        list.add(block, "AGEING", ageing)
        list.add(
            block, "NUM_SOF", numSOF,
            "Frames that began.")
        list.add(
            block, "NUM_LEARNED", numLearned,
            "Addresses learned.")
        list.add(
            block, "NUM_AGED_OUT", numAgedOut,
            "Addresses aged out.")
        list.add(
            block, "NUM_FLOOD_UNKNOWN", numFloodUnknown,
            "Frames flooded as their address was not known.")
        list.add(
            block, "NUM_FLOOD_FULL", numFloodFull,
            "Frames flooded as the table was full.")
        list.add(
            block, "NUM_PORT_ERROR", numPortError,
            "Errors of ports.")
        list.add(
            block, "NUM_MATCH_SRC", numMatchSrc,
            "Frames from the address to compare with.")
        list.add(
            block, "NUM_MATCH_DST", numMatchDst,
            "Frames to the address to compare with.")
        list.add(block, "CMP_SRC_MATCH_L", cmpSrcMatchL)
        list.add(block, "CMP_SRC_MATCH_H", cmpSrcMatchH)
        list.add(block, "CMP_DST_MATCH_L", cmpDstMatchL)
        list.add(block, "CMP_DST_MATCH_H", cmpDstMatchH)
        list.add(block, "TABLE_ADDR", tableAddr)
        list.add(block, "TABLE_DATA_L", tableDataL)
        list.add(block, "TABLE_DATA_H", tableDataH)
        list.add(block, "BUCKET_FILL", bucketFill)
    }
}

/// COMMON: Switches it on. What bits above the first stand for is not public.
///
/// Source: InnoRoute/packages tn_env.h.
public struct EthernetSwitchCommon: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Enabled.
    public var enabled: Bool {
        get { rawValue[0] }
        set { rawValue[0] = newValue }
    }

    public static let about = RegisterAbout(
        "Switches it on. What bits above the first stand for is not public.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [.init("enabled", 0, 1, "Enabled.")])
}

/// AGEING: How long an address is kept that is not seen: seconds / 2 - 1; 149 is 300 s.
///
/// Source: InnoRoute/packages tn_env.h.
public struct EthernetSwitchAgeing: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// seconds / 2 - 1
    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    /// value * 2 + 2
    public var seconds: Int { Int(value) * 2 + 2 }

    /// nil if the register cannot say this many seconds.
    public init?(seconds: Int) {
        guard (seconds - 2) % 2 == 0, let raw = UInt32(exactly: (seconds - 2) / 2) else { return nil }
        self.init(rawValue: raw)
    }

    public static let about = RegisterAbout(
        "How long an address is kept that is not seen: seconds / 2 - 1; 149 is 300 s.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [.init("value", 0, 32, "seconds / 2 - 1")])
}

/// counter: Counter of the switch.
///
/// Source: InnoRoute/packages tn_env.h.
public struct EthernetSwitchCounter: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var count: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Counter of the switch.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [.init("value", 0, 32, "")])
}

/// compare, lower part: Address to count matches of.
///
/// Source: InnoRoute/packages tn_env.h.
public struct EthernetSwitchCmpLow: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Lower 32 bits.
    public var address: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Address to count matches of.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [.init("address", 0, 32, "Lower 32 bits.")])
}

/// compare, upper part: Address to count matches of.
///
/// Source: InnoRoute/packages tn_env.h.
public struct EthernetSwitchCmpHigh: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Upper 16 bits.
    public var address: UInt16 {
        get { UInt16(truncatingIfNeeded: rawValue[0, 16]) }
        set { rawValue[0, 16] = UInt32(newValue) }
    }

    public static let about = RegisterAbout(
        "Address to count matches of.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [.init("address", 0, 16, "Upper 16 bits.")])
}

/// TABLE_ADDR: Entry of the MAC table to look at. How it is counted is not public.
///
/// Source: InnoRoute/packages tn_env.h.
public struct EthernetSwitchTableAddr: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Entry of the MAC table to look at. How it is counted is not public.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [.init("value", 0, 32, "")])
}

/// TABLE_DATA: Part of an entry of the MAC table; its layout is not public.
///
/// Source: InnoRoute/packages tn_env.h.
public struct EthernetSwitchTableData: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Part of an entry of the MAC table; its layout is not public.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [.init("value", 0, 32, "")])
}

/// BUCKET_FILL: Entries in each of eight buckets of the MAC table.
///
/// Source: InnoRoute/packages tn_env.h.
public struct EthernetSwitchBucketFill: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Entries in the bucket.
    public subscript(bucket index: Int) -> UInt8 {
        get { UInt8(truncatingIfNeeded: rawValue[checked(index, 8) * 4, 4]) }
        set { rawValue[checked(index, 8) * 4, 4] = UInt32(newValue) }
    }

    public static let about = RegisterAbout(
        "Entries in each of eight buckets of the MAC table.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [
            .init("bucket0", 0, 4, "Entries in the bucket."),
            .init("bucket1", 4, 4, "Entries in the bucket."),
            .init("bucket2", 8, 4, "Entries in the bucket."),
            .init("bucket3", 12, 4, "Entries in the bucket."),
            .init("bucket4", 16, 4, "Entries in the bucket."),
            .init("bucket5", 20, 4, "Entries in the bucket."),
            .init("bucket6", 24, 4, "Entries in the bucket."),
            .init("bucket7", 28, 4, "Entries in the bucket."),
        ])
}
