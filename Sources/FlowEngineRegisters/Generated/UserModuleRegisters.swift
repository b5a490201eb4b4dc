// SPDX-License-Identifier: Apache-2.0
// DO NOT EDIT: made by tools/generate-registers from fpga-regs/blocks/user_module.rdl.

/// User module: An example of a module of one's own.
public struct UserModBlock: Sendable {
    /// A pattern that tells the module.
    public let mmiID: Register<UserModID, ReadOnly>
    /// Enables the beeper.
    public let mmiBeepEn: Register<UserModEn, WriteOnly>
    /// Enables dots of the display.
    public let mmiDisplayEn: Register<UserModEn, WriteOnly>

    init(_ base: UInt32) {
        mmiID = Register(base + 0x0)
        mmiBeepEn = Register(base + 0x4)
        mmiDisplayEn = Register(base + 0x8)
    }

    func list(_ block: String, in list: inout RegisterList) {
        list.add(block, "MMI_ID", mmiID)
        list.add(
            block, "MMI_BEEP_EN", mmiBeepEn,
            "Enables the beeper.")
        list.add(
            block, "MMI_DISPLAY_EN", mmiDisplayEn,
            "Enables dots of the display.")
    }
}

/// MMI_ID: A pattern that tells the module.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct UserModID: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "A pattern that tells the module.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// enable: Enables an output.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct UserModEn: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Enables an output.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}
