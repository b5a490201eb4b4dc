// SPDX-License-Identifier: Apache-2.0
// DO NOT EDIT: made by tools/generate-registers from fpga-regs/blocks/header_creation.rdl.

/// Header creation: Header creation of a port.
public struct HeaderCreationBlock: Sendable {
    /// Bad frames since the last read.
    public let cntBadFrames: Register<HeaderCreationCounter, ClearOnRead>
    /// What happened since the last read. What a bit stands for is not public.
    public let interrupt: Register<HeaderCreationInterrupt, ClearOnRead>
    /// What may interrupt.
    public let interruptEn: Register<HeaderCreationInterruptEn, ReadWrite>
    /// Flow of frames no rule decides; without effect while the flow cache overrides it.
    public let defaultFlowid: Register<HeaderCreationDefaultFlowid, WriteOnly>
    /// Whether frames are sent before they are received whole.
    public let defaultCutThrough: Register<HeaderCreationDefaultCutThrough, WriteOnly>
    /// Frames the header tap dropped since the last read. Not in every revision of the map.
    public let cntHTDropFrames: Register<HeaderCreationCounter, ClearOnRead>?

    init(rev7 base: UInt32) {
        cntBadFrames = Register(base + 0x0)
        interrupt = Register(base + 0x4)
        interruptEn = Register(base + 0x8)
        defaultFlowid = Register(base + 0xc)
        defaultCutThrough = Register(base + 0x10)
        cntHTDropFrames = nil
    }

    init(rev16 base: UInt32) {
        cntBadFrames = Register(base + 0x0)
        interrupt = Register(base + 0x4)
        interruptEn = Register(base + 0x8)
        defaultFlowid = Register(base + 0xc)
        defaultCutThrough = Register(base + 0x10)
        cntHTDropFrames = Register(base + 0x14)
    }

    func list(_ block: String, in list: inout RegisterList) {
        list.add(
            block, "CNT_BAD_FRAMES", cntBadFrames,
            "Bad frames since the last read.")
        list.add(block, "INTERRUPT", interrupt)
        list.add(block, "INTERRUPT_EN", interruptEn)
        list.add(block, "DEFAULT_FLOWID", defaultFlowid)
        list.add(block, "DEFAULT_CUT_THROUGH", defaultCutThrough)
        list.add(
            block, "CNT_HT_DROP_FRAMES", cntHTDropFrames,
            "Frames the header tap dropped since the last read.")
    }
}

/// counter: Frames since the last read.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct HeaderCreationCounter: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var count: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Frames since the last read.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// INTERRUPT: What happened since the last read. What a bit stands for is not public.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct HeaderCreationInterrupt: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "What happened since the last read. What a bit stands for is not public.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// INTERRUPT_EN: What may interrupt.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct HeaderCreationInterruptEn: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "What may interrupt.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// DEFAULT_FLOWID: Flow of frames no rule decides; without effect while the flow cache overrides it.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct HeaderCreationDefaultFlowid: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Flow id.
    public var flowID: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Flow of frames no rule decides; without effect while the flow cache overrides it.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("flow_id", 0, 32, "Flow id.")])
}

/// DEFAULT_CUT_THROUGH: Whether frames are sent before they are received whole.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct HeaderCreationDefaultCutThrough: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Whether frames are sent before they are received whole.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}
