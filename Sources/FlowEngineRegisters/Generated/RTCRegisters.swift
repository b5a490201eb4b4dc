// SPDX-License-Identifier: Apache-2.0
// DO NOT EDIT: made by tools/generate-registers from fpga-regs/blocks/rtc.rdl.

/// RTC: Clocks.
public struct RTCBlock: Sendable {
    /// Free-running clock, lower part; reading it samples both clocks.
    public let bridgeLow: Register<RTCTime, ReadOnly>
    /// Free-running clock as sampled, upper part.
    public let bridgeHigh: Register<RTCTime, ReadOnly>
    /// Controlled clock as sampled, lower part.
    public let ctrldLow: Register<RTCTime, ReadOnly>
    /// Controlled clock as sampled, upper part.
    public let ctrldHigh: Register<RTCTime, ReadOnly>
    /// Offset of the controlled clock, lower part.
    public let ctrldOffsetLow: Register<RTCCtrldOffset, WriteOnly>
    /// Offset of the controlled clock, upper part; writing it makes both parts good.
    public let ctrldOffsetHigh: Register<RTCCtrldOffset, WriteOnly>
    /// What is added to the controlled clock every 5 ns.
    public let ctrldRate: Register<RTCCtrldRate, WriteOnly>
    /// Counters of the clock that ran over since the last read.
    public let interrupt: Register<RTCInterrupt, ClearOnRead>
    /// Which of them may interrupt.
    public let interruptEn: Register<RTCInterruptEn, ReadWrite>
    /// Clock of the time-aware shaper.
    public let clksel: Register<RTCClksel, WriteOnly>

    init(_ base: UInt32) {
        bridgeLow = Register(base + 0x0)
        bridgeHigh = Register(base + 0x4)
        ctrldLow = Register(base + 0x8)
        ctrldHigh = Register(base + 0xc)
        ctrldOffsetLow = Register(base + 0x10)
        ctrldOffsetHigh = Register(base + 0x14)
        ctrldRate = Register(base + 0x18)
        interrupt = Register(base + 0x1c)
        interruptEn = Register(base + 0x20)
        clksel = Register(base + 0x24)
    }

    func list(_ block: String, in list: inout RegisterList) {
        list.add(
            block, "BRIDGE_LOW", bridgeLow,
            "Free-running clock, lower part; reading it samples both clocks.")
        list.add(
            block, "BRIDGE_HIGH", bridgeHigh,
            "Free-running clock as sampled, upper part.")
        list.add(
            block, "CTRLD_LOW", ctrldLow,
            "Controlled clock as sampled, lower part.")
        list.add(
            block, "CTRLD_HIGH", ctrldHigh,
            "Controlled clock as sampled, upper part.")
        list.add(
            block, "CTRLD_OFFSET_LOW", ctrldOffsetLow,
            "Offset of the controlled clock, lower part.")
        list.add(
            block, "CTRLD_OFFSET_HIGH", ctrldOffsetHigh,
            "Offset of the controlled clock, upper part; writing it makes both parts good.")
        list.add(block, "CTRLD_RATE", ctrldRate)
        list.add(block, "INTERRUPT", interrupt)
        list.add(block, "INTERRUPT_EN", interruptEn)
        list.add(block, "CLKSEL", clksel)
    }
}

/// time: Part of a sampled time.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct RTCTime: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// In nanoseconds.
    public var nanoseconds: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Part of a sampled time.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// CTRLD_OFFSET: Part of the offset of the controlled clock.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct RTCCtrldOffset: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// In nanoseconds.
    public var nanoseconds: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Part of the offset of the controlled clock.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// CTRLD_RATE: What is added to the controlled clock every 5 ns.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct RTCCtrldRate: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Parts of a nanosecond: 2^-24 ns each.
    public var fraction: UInt32 {
        get { rawValue[0, 24] }
        set { rawValue[0, 24] = newValue }
    }

    /// Whole nanoseconds. In nanoseconds.
    public var wholeNanoseconds: UInt8 {
        get { UInt8(truncatingIfNeeded: rawValue[24, 8]) }
        set { rawValue[24, 8] = UInt32(newValue) }
    }

    public static let about = RegisterAbout(
        "What is added to the controlled clock every 5 ns.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: 0x5000000,
        [
            .init("fraction", 0, 24, "Parts of a nanosecond: 2^-24 ns each."),
            .init("whole", 24, 8, "Whole nanoseconds."),
        ])
}

/// INTERRUPT: Counters of the clock that ran over since the last read.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct RTCInterrupt: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Counters of the clock that ran over since the last read.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// INTERRUPT_EN: Which of them may interrupt.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct RTCInterruptEn: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Which of them may interrupt.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// CLKSEL: Clock of the time-aware shaper.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct RTCClksel: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Controlled clock; the free-running one if it is not set.
    public var controlled: Bool {
        get { rawValue[0] }
        set { rawValue[0] = newValue }
    }

    public static let about = RegisterAbout(
        "Clock of the time-aware shaper.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("controlled", 0, 1, "Controlled clock; the free-running one if it is not set.")])
}
