// SPDX-License-Identifier: Apache-2.0
// DO NOT EDIT: made by tools/generate-registers from fpga-regs/blocks/flow_cache.rdl.

/// Flow cache: Control of the flow cache.
public struct FlowCacheBlock: Sendable {
    /// Which parts of the flow cache decide.
    public let enable: Register<FlowCacheEnable, WriteOnly>
    /// Which key sets the bitstream hashes. That the value is the number of the hash revision is not said in public.
    public let hashID: Register<FlowCacheHashID, ReadOnly>
    /// A variable for hashing. What it does is not public.
    public let ruleSet: Register<FlowCacheRuleSet, ReadWrite>
    /// Which key the bitstream folds for the TCAM. Not in every revision of the map.
    public let tcamID: Register<FlowCacheTCAMID, ReadOnly>?
    /// Queue of PTP frames.
    public let ptpQueue: Register<FlowCachePTPQueue, WriteOnly>
    /// Where a user-defined field is. Its unit is not public. Not in every revision of the map.
    public let field8BitOffset: Register<FlowCacheFieldOffset, WriteOnly>?
    /// Where a user-defined field is. Its unit is not public. Not in every revision of the map.
    public let field16BitOffset: Register<FlowCacheFieldOffset, WriteOnly>?
    /// Where a user-defined field is. Its unit is not public. Not in every revision of the map.
    public let field32BitOffset: Register<FlowCacheFieldOffset, WriteOnly>?
    /// Internal VLAN of a port. Not in every revision of the map.
    public let vlanInt: RegisterArray<FlowCacheVLANInt, WriteOnly>?

    init(rev7 base: UInt32) {
        enable = Register(base + 0x0)
        hashID = Register(base + 0x4)
        ruleSet = Register(base + 0x8)
        tcamID = nil
        ptpQueue = Register(base + 0xc)
        field8BitOffset = nil
        field16BitOffset = nil
        field32BitOffset = nil
        vlanInt = nil
    }

    init(rev16 base: UInt32) {
        enable = Register(base + 0x0)
        hashID = Register(base + 0x4)
        ruleSet = Register(base + 0x8)
        tcamID = nil
        ptpQueue = Register(base + 0xc)
        field8BitOffset = nil
        field16BitOffset = nil
        field32BitOffset = nil
        vlanInt = RegisterArray(base + 0x40, stride: 4, count: 16)
    }

    init(rev17 base: UInt32) {
        enable = Register(base + 0x0)
        hashID = Register(base + 0x4)
        ruleSet = Register(base + 0xc)
        tcamID = Register(base + 0x8)
        ptpQueue = Register(base + 0x10)
        field8BitOffset = Register(base + 0x14)
        field16BitOffset = Register(base + 0x18)
        field32BitOffset = Register(base + 0x1c)
        vlanInt = RegisterArray(base + 0x40, stride: 4, count: 16)
    }

    func list(_ block: String, in list: inout RegisterList) {
        list.add(block, "ENABLE", enable)
        list.add(block, "HASH_ID", hashID)
        list.add(block, "RULE_SET", ruleSet)
        list.add(block, "TCAM_ID", tcamID)
        list.add(block, "PTP_QUEUE", ptpQueue)
        list.add(block, "FIELD_8BIT_OFFSET", field8BitOffset)
        list.add(block, "FIELD_16BIT_OFFSET", field16BitOffset)
        list.add(block, "FIELD_32BIT_OFFSET", field32BitOffset)
        list.add(block, "VLAN_INT", vlanInt)
    }
}

/// ENABLE: Which parts of the flow cache decide.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct FlowCacheEnable: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Exact matches by hash (EMH).
    public var emh: Bool {
        get { rawValue[0] }
        set { rawValue[0] = newValue }
    }

    /// Collision table.
    public var linear: Bool {
        get { rawValue[1] }
        set { rawValue[1] = newValue }
    }

    /// Masked matches (EMA).
    public var ema: Bool {
        get { rawValue[2] }
        set { rawValue[2] = newValue }
    }

    public static let about = RegisterAbout(
        "Which parts of the flow cache decide.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [
            .init("emh", 0, 1, "Exact matches by hash (EMH)."),
            .init("linear", 1, 1, "Collision table."),
            .init("ema", 2, 1, "Masked matches (EMA)."),
        ])
}

/// HASH_ID: Which key sets the bitstream hashes. That the value is the number of the hash revision is not said in
/// public.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct FlowCacheHashID: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Which key sets the bitstream hashes. That the value is the number of the hash revision is not said "
            + "in public.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// RULE_SET: A variable for hashing. What it does is not public.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct FlowCacheRuleSet: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "A variable for hashing. What it does is not public.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// PTP_QUEUE: Queue of PTP frames.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct FlowCachePTPQueue: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Queue.
    public var queue: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Queue of PTP frames.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("queue", 0, 32, "Queue.")])
}

/// VLAN_INT: Internal VLAN of a port.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct FlowCacheVLANInt: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Internal VLAN of a port.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// TCAM_ID: Which key the bitstream folds for the TCAM.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct FlowCacheTCAMID: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Which key the bitstream folds for the TCAM.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// field offset: Where a user-defined field is. Its unit is not public.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct FlowCacheFieldOffset: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Where a user-defined field is. Its unit is not public.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}
