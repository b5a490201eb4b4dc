// SPDX-License-Identifier: Apache-2.0
// DO NOT EDIT: made by tools/generate-registers from fpga-regs/blocks/mdio.rdl.

/// MDIO: The way to the PHYs.
public struct MDIOBlock: Sendable {
    /// Starts an access to a PHY register.
    public let write: Register<MDIOWrite, WriteOnly>
    /// Result of a read of a PHY register.
    public let read: Register<MDIORead, ReadOnly>
    /// Which PHYs want attention.
    public let interrupt: Register<MDIOInterrupt, ReadOnly>
    /// Which PHYs may interrupt. The public driver writes 0x13FF.
    public let interruptEn: Register<MDIOInterruptEn, ReadWrite>
    /// Wake on LAN. What a bit stands for is not public. Not in every revision of the map.
    public let wakeOnLan: Register<MDIOWakeOnLan, ReadWrite>?

    init(rev7 base: UInt32) {
        write = Register(base + 0x0)
        read = Register(base + 0x4)
        interrupt = Register(base + 0x8)
        interruptEn = Register(base + 0xc)
        wakeOnLan = nil
    }

    init(rev16 base: UInt32) {
        write = Register(base + 0x0)
        read = Register(base + 0x4)
        interrupt = Register(base + 0x8)
        interruptEn = Register(base + 0xc)
        wakeOnLan = Register(base + 0x10)
    }

    func list(_ block: String, in list: inout RegisterList) {
        list.add(block, "WRITE", write)
        list.add(block, "READ", read)
        list.add(block, "INTERRUPT", interrupt)
        list.add(block, "INTERRUPT_EN", interruptEn)
        list.add(block, "WAKE_ON_LAN", wakeOnLan)
    }
}

/// WRITE: Starts an access to a PHY register.
///
/// Source: InnoRoute/packages tn_env.h.
public struct MDIOWrite: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Data of a write.
    public var data: UInt16 {
        get { UInt16(truncatingIfNeeded: rawValue[0, 16]) }
        set { rawValue[0, 16] = UInt32(newValue) }
    }

    /// Register of the PHY.
    public var register: UInt8 {
        get { UInt8(truncatingIfNeeded: rawValue[16, 5]) }
        set { rawValue[16, 5] = UInt32(newValue) }
    }

    /// Address of the PHY.
    public var phy: UInt8 {
        get { UInt8(truncatingIfNeeded: rawValue[21, 5]) }
        set { rawValue[21, 5] = UInt32(newValue) }
    }

    /// Write; read if it is not set.
    public var write: Bool {
        get { rawValue[26] }
        set { rawValue[26] = newValue }
    }

    public static let about = RegisterAbout(
        "Starts an access to a PHY register.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [
            .init("data", 0, 16, "Data of a write."),
            .init("register", 16, 5, "Register of the PHY."),
            .init("phy", 21, 5, "Address of the PHY."),
            .init("write", 26, 1, "Write; read if it is not set."),
        ])
}

/// READ: Result of a read of a PHY register.
///
/// Source: InnoRoute/packages tn_env.h.
public struct MDIORead: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Data.
    public var data: UInt16 {
        get { UInt16(truncatingIfNeeded: rawValue[0, 16]) }
        set { rawValue[0, 16] = UInt32(newValue) }
    }

    /// The access is not done; data means nothing yet.
    public var busy: Bool {
        get { rawValue[31] }
        set { rawValue[31] = newValue }
    }

    public static let about = RegisterAbout(
        "Result of a read of a PHY register.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [
            .init("data", 0, 16, "Data."),
            .init("busy", 31, 1, "The access is not done; data means nothing yet."),
        ])
}

/// INTERRUPT: Which PHYs want attention.
///
/// Source: InnoRoute/packages tn_env.h.
public struct MDIOInterrupt: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// GPHY of each port.
    public subscript(gphy index: Int) -> Bool {
        get { rawValue[checked(index, 10)] }
        set { rawValue[checked(index, 10)] = newValue }
    }

    /// Alaska PHYs.
    public subscript(alaska index: Int) -> Bool {
        get { rawValue[10 + checked(index, 2)] }
        set { rawValue[10 + checked(index, 2)] = newValue }
    }

    /// PTP triggers of the Alaska PHYs.
    public subscript(alaskaPTP index: Int) -> Bool {
        get { rawValue[16 + checked(index, 2)] }
        set { rawValue[16 + checked(index, 2)] = newValue }
    }

    /// Resets; which of them is not public.
    public subscript(reset index: Int) -> Bool {
        get { rawValue[30 + checked(index, 2)] }
        set { rawValue[30 + checked(index, 2)] = newValue }
    }

    public static let about = RegisterAbout(
        "Which PHYs want attention.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [
            .init("gphy0", 0, 1, "GPHY of each port."),
            .init("gphy1", 1, 1, "GPHY of each port."),
            .init("gphy2", 2, 1, "GPHY of each port."),
            .init("gphy3", 3, 1, "GPHY of each port."),
            .init("gphy4", 4, 1, "GPHY of each port."),
            .init("gphy5", 5, 1, "GPHY of each port."),
            .init("gphy6", 6, 1, "GPHY of each port."),
            .init("gphy7", 7, 1, "GPHY of each port."),
            .init("gphy8", 8, 1, "GPHY of each port."),
            .init("gphy9", 9, 1, "GPHY of each port."),
            .init("alaska0", 10, 1, "Alaska PHYs."),
            .init("alaska1", 11, 1, "Alaska PHYs."),
            .init("alaska_ptp0", 16, 1, "PTP triggers of the Alaska PHYs."),
            .init("alaska_ptp1", 17, 1, "PTP triggers of the Alaska PHYs."),
            .init("reset0", 30, 1, "Resets; which of them is not public."),
            .init("reset1", 31, 1, "Resets; which of them is not public."),
        ])
}

/// INTERRUPT_EN: Which PHYs may interrupt. The public driver writes 0x13FF.
///
/// Source: InnoRoute/packages TrustNodeDriver.
public struct MDIOInterruptEn: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// As in INTERRUPT; bit 12 of the driver's mask is not explained in public.
    public var mask: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Which PHYs may interrupt. The public driver writes 0x13FF.",
        source: "InnoRoute/packages TrustNodeDriver", accessIsPublic: false, reset: nil,
        [.init("mask", 0, 32, "As in INTERRUPT; bit 12 of the driver's mask is not explained in public.")])
}

/// WAKE_ON_LAN: Wake on LAN. What a bit stands for is not public.
///
/// Source: InnoRoute/linux tn_env.h.
public struct MDIOWakeOnLan: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Wake on LAN. What a bit stands for is not public.",
        source: "InnoRoute/linux tn_env.h", accessIsPublic: false, reset: nil,
        [.init("value", 0, 32, "")])
}
