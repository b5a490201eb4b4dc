// SPDX-License-Identifier: Apache-2.0
// DO NOT EDIT: made by tools/generate-registers from fpga-regs/blocks/debug.rdl.

/// Debug: Pins for debugging.
public struct DebugBlock: Sendable {
    /// Inputs.
    public let inValue: Register<DebugInput, ReadOnly>
    /// Inputs that changed.
    public let inActivity: Register<DebugInput, ReadOnly>
    /// Outputs.
    public let out: Register<DebugOutput, ReadWrite>
    /// What wants attention.
    public let interrupt: Register<DebugInput, ReadOnly>
    /// What may interrupt.
    public let interruptEn: Register<DebugOutput, ReadWrite>

    init(_ base: UInt32) {
        inValue = Register(base + 0x0)
        inActivity = Register(base + 0x4)
        out = Register(base + 0x8)
        interrupt = Register(base + 0xc)
        interruptEn = Register(base + 0x10)
    }

    func list(_ block: String, in list: inout RegisterList) {
        list.add(block, "IN_VALUE", inValue)
        list.add(
            block, "IN_ACTIVITY", inActivity,
            "Inputs that changed.")
        list.add(block, "OUT", out)
        list.add(
            block, "INTERRUPT", interrupt,
            "What wants attention.")
        list.add(
            block, "INTERRUPT_EN", interruptEn,
            "What may interrupt.")
    }
}

/// input: Inputs.
///
/// Source: InnoRoute/linux tn_env.h.
public struct DebugInput: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Inputs.",
        source: "InnoRoute/linux tn_env.h", accessIsPublic: false, reset: nil,
        [.init("value", 0, 32, "")])
}

/// output: Outputs.
///
/// Source: InnoRoute/linux tn_env.h.
public struct DebugOutput: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Outputs.",
        source: "InnoRoute/linux tn_env.h", accessIsPublic: false, reset: nil,
        [.init("value", 0, 32, "")])
}
