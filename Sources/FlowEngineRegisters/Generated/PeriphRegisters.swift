// SPDX-License-Identifier: Apache-2.0
// DO NOT EDIT: made by tools/generate-registers from fpga-regs/blocks/periph.rdl.

/// PERIPH: Buttons, LEDs, display.
public struct PeriphBlock: Sendable {
    /// Buttons.
    public let buttons: Register<PeriphInput, ReadOnly>
    /// LEDs.
    public let leds: Register<PeriphOutput, ReadWrite>
    /// General-purpose pins.
    public let gpios: Register<PeriphOutput, ReadWrite>
    /// Digits of the display.
    public let display: RegisterArray<PeriphOutput, ReadWrite>
    /// Beeper.
    public let beep: Register<PeriphOutput, ReadWrite>
    /// Brightness.
    public let brightness: Register<PeriphOutput, ReadWrite>
    /// Which of them wants attention.
    public let interrupt: Register<PeriphInput, ReadOnly>
    /// Which of them may interrupt.
    public let interruptEn: Register<PeriphOutput, ReadWrite>

    init(_ base: UInt32) {
        buttons = Register(base + 0x0)
        leds = Register(base + 0x4)
        gpios = Register(base + 0x8)
        display = RegisterArray(base + 0xc, stride: 4, count: 4)
        beep = Register(base + 0x1c)
        brightness = Register(base + 0x20)
        interrupt = Register(base + 0x24)
        interruptEn = Register(base + 0x28)
    }

    func list(_ block: String, in list: inout RegisterList) {
        list.add(
            block, "BUTTONS", buttons,
            "Buttons.")
        list.add(
            block, "LEDS", leds,
            "LEDs.")
        list.add(
            block, "GPIOS", gpios,
            "General-purpose pins.")
        list.add(
            block, "DISPLAY", display,
            "Digits of the display.")
        list.add(
            block, "BEEP", beep,
            "Beeper.")
        list.add(
            block, "BRIGHTNESS", brightness,
            "Brightness.")
        list.add(
            block, "INTERRUPT", interrupt,
            "Which of them wants attention.")
        list.add(
            block, "INTERRUPT_EN", interruptEn,
            "Which of them may interrupt.")
    }
}

/// input: Inputs.
///
/// Source: InnoRoute/packages tn_env.h.
public struct PeriphInput: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Inputs.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [.init("value", 0, 32, "")])
}

/// output: Outputs.
///
/// Source: InnoRoute/packages tn_env.h.
public struct PeriphOutput: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Outputs.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [.init("value", 0, 32, "")])
}
