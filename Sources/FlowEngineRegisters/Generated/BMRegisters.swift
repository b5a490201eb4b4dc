// SPDX-License-Identifier: Apache-2.0
// DO NOT EDIT: made by tools/generate-registers from fpga-regs/blocks/bm.rdl.

/// BM: The manager of the register bus.
public struct BMBlock: Sendable {
    /// What became of accesses since the last read.
    public let mmiStatus: Register<BMStatus, ClearOnRead>
    /// Which block wants attention.
    public let mmiInterrupt: Register<BMInterrupt, ReadOnly>
    /// Which blocks may interrupt.
    public let mmiInterruptEn: Register<BMInterruptEn, ReadWrite>
    /// Holds traffic back. What a bit stands for is not public.
    public let blockTraffic: Register<BMBlockTraffic, ReadWrite>
    /// Address of a read that was not answered in time.
    public let mmiToAddr: Register<BMAddress, ReadOnly>
    /// Accesses.
    public let mmiAccesses: Register<BMCounter, ReadOnly>
    /// Interrupts.
    public let mmiIntCnt: Register<BMCounter, ReadOnly>
    /// Address of an access that was an error.
    public let mmiAccessErrAddr: Register<BMAddress, ReadOnly>
    /// Address of a write that was not taken in time.
    public let mmiToWrAddr: Register<BMAddress, ReadOnly>

    init(_ base: UInt32) {
        mmiStatus = Register(base + 0x0)
        mmiInterrupt = Register(base + 0x4)
        mmiInterruptEn = Register(base + 0x8)
        blockTraffic = Register(base + 0xc)
        mmiToAddr = Register(base + 0x10)
        mmiAccesses = Register(base + 0x14)
        mmiIntCnt = Register(base + 0x18)
        mmiAccessErrAddr = Register(base + 0x1c)
        mmiToWrAddr = Register(base + 0x20)
    }

    func list(_ block: String, in list: inout RegisterList) {
        list.add(block, "MMI_STATUS", mmiStatus)
        list.add(block, "MMI_INTERRUPT", mmiInterrupt)
        list.add(block, "MMI_INTERRUPT_EN", mmiInterruptEn)
        list.add(block, "BLOCK_TRAFFIC", blockTraffic)
        list.add(
            block, "MMI_TO_ADDR", mmiToAddr,
            "Address of a read that was not answered in time.")
        list.add(
            block, "MMI_ACCESSES", mmiAccesses,
            "Accesses.")
        list.add(
            block, "MMI_INT_CNT", mmiIntCnt,
            "Interrupts.")
        list.add(
            block, "MMI_ACCESS_ERR_ADDR", mmiAccessErrAddr,
            "Address of an access that was an error.")
        list.add(
            block, "MMI_TO_WR_ADDR", mmiToWrAddr,
            "Address of a write that was not taken in time.")
    }
}

/// MMI_STATUS: What became of accesses since the last read.
///
/// Source: InnoRoute/packages tn_env.h.
public struct BMStatus: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// A read was an error.
    public var readError: Bool {
        get { rawValue[0] }
        set { rawValue[0] = newValue }
    }

    /// A write was an error.
    public var writeError: Bool {
        get { rawValue[1] }
        set { rawValue[1] = newValue }
    }

    /// A read was not answered in time.
    public var readTimeout: Bool {
        get { rawValue[2] }
        set { rawValue[2] = newValue }
    }

    /// A write was not taken in time.
    public var writeTimeout: Bool {
        get { rawValue[3] }
        set { rawValue[3] = newValue }
    }

    /// Errors, up to 4095.
    public var errors: UInt16 {
        get { UInt16(truncatingIfNeeded: rawValue[4, 12]) }
        set { rawValue[4, 12] = UInt32(newValue) }
    }

    /// Accesses, up to 65535.
    public var accesses: UInt16 {
        get { UInt16(truncatingIfNeeded: rawValue[16, 16]) }
        set { rawValue[16, 16] = UInt32(newValue) }
    }

    public static let about = RegisterAbout(
        "What became of accesses since the last read.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: true, reset: nil,
        [
            .init("read_error", 0, 1, "A read was an error."),
            .init("write_error", 1, 1, "A write was an error."),
            .init("read_timeout", 2, 1, "A read was not answered in time."),
            .init("write_timeout", 3, 1, "A write was not taken in time."),
            .init("errors", 4, 12, "Errors, up to 4095."),
            .init("accesses", 16, 16, "Accesses, up to 65535."),
        ])
}

/// MMI_INTERRUPT: Which block wants attention.
///
/// Source: InnoRoute/packages tn_env.h.
public struct BMInterrupt: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Header creation of each port.
    public subscript(hc index: Int) -> Bool {
        get { rawValue[checked(index, 18)] }
        set { rawValue[checked(index, 18)] = newValue }
    }

    /// PHY management.
    public var mdio: Bool {
        get { rawValue[18] }
        set { rawValue[18] = newValue }
    }

    /// Clock.
    public var rtc: Bool {
        get { rawValue[19] }
        set { rawValue[19] = newValue }
    }

    /// Buttons, LEDs, display.
    public var periph: Bool {
        get { rawValue[20] }
        set { rawValue[20] = newValue }
    }

    /// Debug.
    public var debug: Bool {
        get { rawValue[21] }
        set { rawValue[21] = newValue }
    }

    /// Identity and health.
    public var common: Bool {
        get { rawValue[22] }
        set { rawValue[22] = newValue }
    }

    /// Ethernet switch.
    public var ethSwitch: Bool {
        get { rawValue[23] }
        set { rawValue[23] = newValue }
    }

    /// CAN.
    public var can: Bool {
        get { rawValue[24] }
        set { rawValue[24] = newValue }
    }

    /// Pulse per second.
    public var pps: Bool {
        get { rawValue[25] }
        set { rawValue[25] = newValue }
    }

    public static let about = RegisterAbout(
        "Which block wants attention.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [
            .init("hc0", 0, 1, "Header creation of each port."),
            .init("hc1", 1, 1, "Header creation of each port."),
            .init("hc2", 2, 1, "Header creation of each port."),
            .init("hc3", 3, 1, "Header creation of each port."),
            .init("hc4", 4, 1, "Header creation of each port."),
            .init("hc5", 5, 1, "Header creation of each port."),
            .init("hc6", 6, 1, "Header creation of each port."),
            .init("hc7", 7, 1, "Header creation of each port."),
            .init("hc8", 8, 1, "Header creation of each port."),
            .init("hc9", 9, 1, "Header creation of each port."),
            .init("hc10", 10, 1, "Header creation of each port."),
            .init("hc11", 11, 1, "Header creation of each port."),
            .init("hc12", 12, 1, "Header creation of each port."),
            .init("hc13", 13, 1, "Header creation of each port."),
            .init("hc14", 14, 1, "Header creation of each port."),
            .init("hc15", 15, 1, "Header creation of each port."),
            .init("hc16", 16, 1, "Header creation of each port."),
            .init("hc17", 17, 1, "Header creation of each port."),
            .init("mdio", 18, 1, "PHY management."),
            .init("rtc", 19, 1, "Clock."),
            .init("periph", 20, 1, "Buttons, LEDs, display."),
            .init("debug", 21, 1, "Debug."),
            .init("common", 22, 1, "Identity and health."),
            .init("eth_sw", 23, 1, "Ethernet switch."),
            .init("can", 24, 1, "CAN."),
            .init("pps", 25, 1, "Pulse per second."),
        ])
}

/// MMI_INTERRUPT_EN: Which blocks may interrupt.
///
/// Source: InnoRoute/packages tn_env.h.
public struct BMInterruptEn: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Header creation of each port.
    public subscript(hc index: Int) -> Bool {
        get { rawValue[checked(index, 18)] }
        set { rawValue[checked(index, 18)] = newValue }
    }

    /// PHY management.
    public var mdio: Bool {
        get { rawValue[18] }
        set { rawValue[18] = newValue }
    }

    /// Clock.
    public var rtc: Bool {
        get { rawValue[19] }
        set { rawValue[19] = newValue }
    }

    /// Buttons, LEDs, display.
    public var periph: Bool {
        get { rawValue[20] }
        set { rawValue[20] = newValue }
    }

    /// Debug.
    public var debug: Bool {
        get { rawValue[21] }
        set { rawValue[21] = newValue }
    }

    /// Identity and health.
    public var common: Bool {
        get { rawValue[22] }
        set { rawValue[22] = newValue }
    }

    /// Ethernet switch.
    public var ethSwitch: Bool {
        get { rawValue[23] }
        set { rawValue[23] = newValue }
    }

    /// CAN.
    public var can: Bool {
        get { rawValue[24] }
        set { rawValue[24] = newValue }
    }

    /// Pulse per second.
    public var pps: Bool {
        get { rawValue[25] }
        set { rawValue[25] = newValue }
    }

    public static let about = RegisterAbout(
        "Which blocks may interrupt.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [
            .init("hc0", 0, 1, "Header creation of each port."),
            .init("hc1", 1, 1, "Header creation of each port."),
            .init("hc2", 2, 1, "Header creation of each port."),
            .init("hc3", 3, 1, "Header creation of each port."),
            .init("hc4", 4, 1, "Header creation of each port."),
            .init("hc5", 5, 1, "Header creation of each port."),
            .init("hc6", 6, 1, "Header creation of each port."),
            .init("hc7", 7, 1, "Header creation of each port."),
            .init("hc8", 8, 1, "Header creation of each port."),
            .init("hc9", 9, 1, "Header creation of each port."),
            .init("hc10", 10, 1, "Header creation of each port."),
            .init("hc11", 11, 1, "Header creation of each port."),
            .init("hc12", 12, 1, "Header creation of each port."),
            .init("hc13", 13, 1, "Header creation of each port."),
            .init("hc14", 14, 1, "Header creation of each port."),
            .init("hc15", 15, 1, "Header creation of each port."),
            .init("hc16", 16, 1, "Header creation of each port."),
            .init("hc17", 17, 1, "Header creation of each port."),
            .init("mdio", 18, 1, "PHY management."),
            .init("rtc", 19, 1, "Clock."),
            .init("periph", 20, 1, "Buttons, LEDs, display."),
            .init("debug", 21, 1, "Debug."),
            .init("common", 22, 1, "Identity and health."),
            .init("eth_sw", 23, 1, "Ethernet switch."),
            .init("can", 24, 1, "CAN."),
            .init("pps", 25, 1, "Pulse per second."),
        ])
}

/// BLOCK_TRAFFIC: Holds traffic back. What a bit stands for is not public.
///
/// Source: InnoRoute/packages tn_env.h.
public struct BMBlockTraffic: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Holds traffic back. What a bit stands for is not public.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [.init("value", 0, 32, "")])
}

/// address: Address of an access that failed.
///
/// Source: InnoRoute/packages tn_env.h.
public struct BMAddress: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Byte address.
    public var address: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Address of an access that failed.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [.init("address", 0, 32, "Byte address.")])
}

/// counter: Counter of the bus manager.
///
/// Source: InnoRoute/packages tn_env.h.
public struct BMCounter: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var count: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Counter of the bus manager.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [.init("value", 0, 32, "")])
}
