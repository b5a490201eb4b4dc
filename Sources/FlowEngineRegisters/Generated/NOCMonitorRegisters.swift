// SPDX-License-Identifier: Apache-2.0
// DO NOT EDIT: made by tools/generate-registers from fpga-regs/blocks/noc_monitor.rdl.

/// NOC monitor: A monitor of the inner network.
public struct NOCMonBlock: Sendable {
    /// State of the monitor.
    public let status: Register<NOCMonWord, ReadOnly>
    /// The first error it saw.
    public let firstErr: Register<NOCMonWord, ReadOnly>

    init(_ base: UInt32) {
        status = Register(base + 0x0)
        firstErr = Register(base + 0x4)
    }

    func list(_ block: String, in list: inout RegisterList) {
        list.add(
            block, "STATUS", status,
            "State of the monitor.")
        list.add(
            block, "FIRST_ERR", firstErr,
            "The first error it saw.")
    }
}

/// word: What a bit stands for is not public.
///
/// Source: InnoRoute/linux tn_env.h.
public struct NOCMonWord: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "What a bit stands for is not public.",
        source: "InnoRoute/linux tn_env.h", accessIsPublic: false, reset: nil,
        [.init("value", 0, 32, "")])
}
