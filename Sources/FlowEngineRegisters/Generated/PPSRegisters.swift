// SPDX-License-Identifier: Apache-2.0
// DO NOT EDIT: made by tools/generate-registers from fpga-regs/blocks/pps.rdl.

/// PPS: Pulse per second.
public struct PPSBlock: Sendable {
    /// An edge was seen. What a bit stands for is not public.
    public let interrupt: Register<PPSInterrupt, ReadOnly>
    /// Whether it may interrupt.
    public let interruptEn: Register<PPSInterruptEn, ReadWrite>
    /// Controlled time at the edge, lower part.
    public let ctrldLow: Register<PPSTime, ReadOnly>
    /// Controlled time at the edge, upper part.
    public let ctrldHigh: Register<PPSTime, ReadOnly>
    /// The input after the edge.
    public let sampleVal: Register<PPSSampleVal, ReadOnly>

    init(_ base: UInt32) {
        interrupt = Register(base + 0x0)
        interruptEn = Register(base + 0x4)
        ctrldLow = Register(base + 0x8)
        ctrldHigh = Register(base + 0xc)
        sampleVal = Register(base + 0x10)
    }

    func list(_ block: String, in list: inout RegisterList) {
        list.add(block, "INTERRUPT", interrupt)
        list.add(block, "INTERRUPT_EN", interruptEn)
        list.add(
            block, "CTRLD_LOW", ctrldLow,
            "Controlled time at the edge, lower part.")
        list.add(
            block, "CTRLD_HIGH", ctrldHigh,
            "Controlled time at the edge, upper part.")
        list.add(block, "SAMPLE_VAL", sampleVal)
    }
}

/// INTERRUPT: An edge was seen. What a bit stands for is not public.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct PPSInterrupt: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "An edge was seen. What a bit stands for is not public.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// INTERRUPT_EN: Whether it may interrupt.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct PPSInterruptEn: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Whether it may interrupt.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// time: Part of the controlled time at the edge.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct PPSTime: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// In nanoseconds.
    public var nanoseconds: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Part of the controlled time at the edge.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// SAMPLE_VAL: The input after the edge.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct PPSSampleVal: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "The input after the edge.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}
