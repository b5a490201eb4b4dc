// SPDX-License-Identifier: Apache-2.0
// DO NOT EDIT: made by tools/generate-registers from fpga-regs/blocks/common.rdl.

/// COMMON: Identity, features and health.
public struct CommonBlock: Sendable {
    /// Major revision.
    public let tnMajorRev: Register<CommonRevision, ReadOnly>
    /// Minor revision.
    public let tnMinorRev: Register<CommonRevision, ReadOnly>
    /// Revision of the user part.
    public let userRev: Register<CommonRevision, ReadOnly>
    /// Revision of this register map: read it first, offsets depend on it.
    public let addrMapRev: Register<CommonAddrMapRev, ReadOnly>
    /// Part of the device's unique number (DNA).
    public let fpgaID0: Register<CommonFPGAID, ReadOnly>
    /// Part of the device's unique number (DNA).
    public let fpgaID1: Register<CommonFPGAID, ReadOnly>
    /// User fuses of the FPGA.
    public let efuse: Register<CommonEfuse, ReadOnly>
    /// When the bitstream was made.
    public let bitgenTime: Register<CommonBitgenTime, ReadOnly>
    /// A word to write and read back.
    public let rwTest: Register<CommonRwTest, ReadWrite>
    /// Resets. What a bit stands for is not public.
    public let sysReset: Register<CommonSysReset, ReadWrite>
    /// What wants attention. What a bit stands for is not public.
    public let interrupt: Register<CommonInterrupt, ReadOnly>
    /// What may interrupt.
    public let interruptEn: Register<CommonInterruptEn, ReadWrite>
    /// What the traffic manager has.
    public let featuresTrafficManager: Register<CommonFeaturesTrafficManager, ReadOnly>
    /// Hierarchical IPv6 routing. Not in every revision of the map.
    public let features6Tree: Register<CommonFeatures6Tree, ReadWrite>?
    /// User-defined output ports. What a bit stands for is not public. Not in every revision of the map.
    public let featuresUserDefOutprt: Register<CommonUserDefOutprt, ReadOnly>?
    /// What the Ethernet switch has. What a bit stands for is not public.
    public let featuresEthernetSwitch: Register<CommonFeaturesEthernetSwitch, ReadOnly>
    /// What the flow cache has, and what becomes of a miss.
    public let featuresFlowcache: Register<CommonFeaturesFlowcache, ReadWrite>
    /// What the acceleration datapath has.
    public let featuresACCDP: Register<CommonFeaturesACCDP, ReadOnly>
    /// What the build has. What a bit stands for is not public.
    public let featuresTXRouter: Register<CommonFeatures, ReadOnly>
    /// What the ports have.
    public let featuresNET: Register<CommonFeaturesNET, ReadOnly>
    /// What the build has. What a bit stands for is not public.
    public let featuresTsn: Register<CommonFeatures, ReadOnly>
    /// What the build has. What a bit stands for is not public.
    public let featuresSodimm: Register<CommonFeatures, ReadOnly>
    /// What the user part has.
    public let featuresUser: Register<CommonFeaturesUser, ReadOnly>
    /// Ports.
    public let paramPrtCnt: Register<CommonParameter, ReadOnly>
    /// Datapaths.
    public let paramDPCnt: Register<CommonParameter, ReadOnly>
    /// Buffers.
    public let paramBufCnt: Register<CommonParameter, ReadOnly>
    /// Shortest frame taken. Its unit is not public.
    public let paramRXMin: Register<CommonParameter, ReadOnly>
    /// Longest frame taken. Its unit is not public.
    public let paramRXMax: Register<CommonParameter, ReadOnly>
    /// Preamble of frames sent.
    public let paramTXPre: Register<CommonParameter, ReadOnly>
    /// Gap between frames sent.
    public let paramTXIfg: Register<CommonParameter, ReadOnly>
    /// A parameter of the build.
    public let paramDisplay: Register<CommonParameter, ReadOnly>
    /// A parameter of the build.
    public let paramLEDSynce: Register<CommonParameter, ReadOnly>
    /// A parameter of the build.
    public let paramLEDInternal: Register<CommonParameter, ReadOnly>
    /// A parameter of the build.
    public let paramBeep: Register<CommonParameter, ReadOnly>
    /// A parameter of the build.
    public let paramPHYReset: Register<CommonParameter, ReadOnly>
    /// A parameter of the build.
    public let paramPinheader: Register<CommonParameter, ReadOnly>
    /// A parameter of the build.
    public let paramPmod: Register<CommonParameter, ReadOnly>
    /// A parameter of the build.
    public let paramExtBypass: Register<CommonParameter, ReadOnly>
    /// A width of the build: the logarithm to base 2 of a number of entries.
    public let widthHeaderCreationBad: Register<CommonWidth, ReadOnly>
    /// log2 of the MAC table's entries of a datapath.
    public let widthEthernetSwitch: Register<CommonWidth, ReadOnly>
    /// A width of the build: the logarithm to base 2 of a number of entries.
    public let widthRXStatBad: Register<CommonWidth, ReadOnly>
    /// Temperature of the FPGA.
    public let fpgaTemp: Register<CommonFPGATemp, ReadOnly>
    /// Alarms of the FPGA's monitor.
    public let fpgaAlarm: Register<CommonFPGAAlarm, ReadOnly>
    /// Errors in the configuration memory of the FPGA.
    public let configCheck: Register<CommonConfigCheck, ReadOnly>
    /// FIFOs that ran over.
    public let fifoOverflow: RegisterArray<CommonFifoFlags, ReadOnly>
    /// FIFOs that ran empty.
    public let fifoUnderrun: RegisterArray<CommonFifoFlags, ReadOnly>
    /// Sending FIFOs that are full.
    public let txfFull: Register<CommonFifoFlags, ReadOnly>
    /// Sending FIFOs that are in use.
    public let txfActivity: Register<CommonFifoFlags, ReadOnly>
    /// State of the packet buffer.
    public let bufferFull: Register<CommonBufferFull, ReadOnly>
    /// Errors of the PCIe core. What a bit stands for is not public.
    public let pcieError: RegisterArray<CommonPCIeError, ReadOnly>
    /// Timeouts of the PCIe core.
    public let pcieTimeoutCnt: Register<CommonPCIeTimeoutCnt, ReadOnly>
    /// Clock monitor. Its unit is not public.
    public let clkMon: RegisterArray<CommonClkMon, ReadOnly>

    init(rev7 base: UInt32) {
        tnMajorRev = Register(base + 0x0)
        tnMinorRev = Register(base + 0x4)
        userRev = Register(base + 0x8)
        addrMapRev = Register(base + 0xc)
        fpgaID0 = Register(base + 0x10)
        fpgaID1 = Register(base + 0x14)
        efuse = Register(base + 0x18)
        bitgenTime = Register(base + 0x1c)
        rwTest = Register(base + 0x20)
        sysReset = Register(base + 0xf0)
        interrupt = Register(base + 0xf4)
        interruptEn = Register(base + 0xf8)
        featuresTrafficManager = Register(base + 0xfc)
        features6Tree = Register(base + 0x100)
        featuresUserDefOutprt = nil
        featuresEthernetSwitch = Register(base + 0x104)
        featuresFlowcache = Register(base + 0x108)
        featuresACCDP = Register(base + 0x10c)
        featuresTXRouter = Register(base + 0x110)
        featuresNET = Register(base + 0x114)
        featuresTsn = Register(base + 0x118)
        featuresSodimm = Register(base + 0x11c)
        featuresUser = Register(base + 0x120)
        paramPrtCnt = Register(base + 0x124)
        paramDPCnt = Register(base + 0x128)
        paramBufCnt = Register(base + 0x12c)
        paramRXMin = Register(base + 0x130)
        paramRXMax = Register(base + 0x134)
        paramTXPre = Register(base + 0x138)
        paramTXIfg = Register(base + 0x13c)
        paramDisplay = Register(base + 0x140)
        paramLEDSynce = Register(base + 0x144)
        paramLEDInternal = Register(base + 0x148)
        paramBeep = Register(base + 0x14c)
        paramPHYReset = Register(base + 0x150)
        paramPinheader = Register(base + 0x154)
        paramPmod = Register(base + 0x158)
        paramExtBypass = Register(base + 0x15c)
        widthHeaderCreationBad = Register(base + 0x160)
        widthEthernetSwitch = Register(base + 0x164)
        widthRXStatBad = Register(base + 0x168)
        fpgaTemp = Register(base + 0x200)
        fpgaAlarm = Register(base + 0x204)
        configCheck = Register(base + 0x208)
        fifoOverflow = RegisterArray(base + 0x210, stride: 4, count: 5)
        fifoUnderrun = RegisterArray(base + 0x224, stride: 4, count: 5)
        txfFull = Register(base + 0x238)
        txfActivity = Register(base + 0x23c)
        bufferFull = Register(base + 0x240)
        pcieError = RegisterArray(base + 0x244, stride: 4, count: 2)
        pcieTimeoutCnt = Register(base + 0x24c)
        clkMon = RegisterArray(base + 0x250, stride: 4, count: 28)
    }

    init(rev16 base: UInt32) {
        tnMajorRev = Register(base + 0x0)
        tnMinorRev = Register(base + 0x4)
        userRev = Register(base + 0x8)
        addrMapRev = Register(base + 0xc)
        fpgaID0 = Register(base + 0x10)
        fpgaID1 = Register(base + 0x14)
        efuse = Register(base + 0x18)
        bitgenTime = Register(base + 0x1c)
        rwTest = Register(base + 0x20)
        sysReset = Register(base + 0xf0)
        interrupt = Register(base + 0xf4)
        interruptEn = Register(base + 0xf8)
        featuresTrafficManager = Register(base + 0xfc)
        features6Tree = nil
        featuresUserDefOutprt = Register(base + 0x100)
        featuresEthernetSwitch = Register(base + 0x104)
        featuresFlowcache = Register(base + 0x108)
        featuresACCDP = Register(base + 0x10c)
        featuresTXRouter = Register(base + 0x110)
        featuresNET = Register(base + 0x114)
        featuresTsn = Register(base + 0x118)
        featuresSodimm = Register(base + 0x11c)
        featuresUser = Register(base + 0x120)
        paramPrtCnt = Register(base + 0x124)
        paramDPCnt = Register(base + 0x128)
        paramBufCnt = Register(base + 0x12c)
        paramRXMin = Register(base + 0x130)
        paramRXMax = Register(base + 0x134)
        paramTXPre = Register(base + 0x138)
        paramTXIfg = Register(base + 0x13c)
        paramDisplay = Register(base + 0x140)
        paramLEDSynce = Register(base + 0x144)
        paramLEDInternal = Register(base + 0x148)
        paramBeep = Register(base + 0x14c)
        paramPHYReset = Register(base + 0x150)
        paramPinheader = Register(base + 0x154)
        paramPmod = Register(base + 0x158)
        paramExtBypass = Register(base + 0x15c)
        widthHeaderCreationBad = Register(base + 0x160)
        widthEthernetSwitch = Register(base + 0x164)
        widthRXStatBad = Register(base + 0x168)
        fpgaTemp = Register(base + 0x200)
        fpgaAlarm = Register(base + 0x204)
        configCheck = Register(base + 0x208)
        fifoOverflow = RegisterArray(base + 0x210, stride: 4, count: 5)
        fifoUnderrun = RegisterArray(base + 0x224, stride: 4, count: 5)
        txfFull = Register(base + 0x238)
        txfActivity = Register(base + 0x23c)
        bufferFull = Register(base + 0x240)
        pcieError = RegisterArray(base + 0x244, stride: 4, count: 2)
        pcieTimeoutCnt = Register(base + 0x24c)
        clkMon = RegisterArray(base + 0x250, stride: 4, count: 28)
    }

    func list(_ block: String, in list: inout RegisterList) {
        list.add(
            block, "TN_MAJOR_REV", tnMajorRev,
            "Major revision.")
        list.add(
            block, "TN_MINOR_REV", tnMinorRev,
            "Minor revision.")
        list.add(
            block, "USER_REV", userRev,
            "Revision of the user part.")
        list.add(block, "ADDR_MAP_REV", addrMapRev)
        list.add(block, "FPGA_ID0", fpgaID0)
        list.add(block, "FPGA_ID1", fpgaID1)
        list.add(block, "EFUSE", efuse)
        list.add(block, "BITGEN_TIME", bitgenTime)
        list.add(block, "RW_TEST", rwTest)
        list.add(block, "SYS_RESET", sysReset)
        list.add(block, "INTERRUPT", interrupt)
        list.add(block, "INTERRUPT_EN", interruptEn)
        list.add(block, "FEATURES_TM", featuresTrafficManager)
        list.add(block, "FEATURES_6TREE", features6Tree)
        list.add(block, "FEATURES_USER_DEF_OUTPRT", featuresUserDefOutprt)
        list.add(block, "FEATURES_ETH_SW", featuresEthernetSwitch)
        list.add(block, "FEATURES_FLOWCACHE", featuresFlowcache)
        list.add(block, "FEATURES_ACC_DP", featuresACCDP)
        list.add(block, "FEATURES_TX_ROUTER", featuresTXRouter)
        list.add(block, "FEATURES_NET", featuresNET)
        list.add(block, "FEATURES_TSN", featuresTsn)
        list.add(block, "FEATURES_SODIMM", featuresSodimm)
        list.add(block, "FEATURES_USER", featuresUser)
        list.add(
            block, "PARAM_PRT_CNT", paramPrtCnt,
            "Ports.")
        list.add(
            block, "PARAM_DP_CNT", paramDPCnt,
            "Datapaths.")
        list.add(
            block, "PARAM_BUF_CNT", paramBufCnt,
            "Buffers.")
        list.add(
            block, "PARAM_RX_MIN", paramRXMin,
            "Shortest frame taken. Its unit is not public.")
        list.add(
            block, "PARAM_RX_MAX", paramRXMax,
            "Longest frame taken. Its unit is not public.")
        list.add(
            block, "PARAM_TX_PRE", paramTXPre,
            "Preamble of frames sent.")
        list.add(
            block, "PARAM_TX_IFG", paramTXIfg,
            "Gap between frames sent.")
        list.add(block, "PARAM_DISPLAY", paramDisplay)
        list.add(block, "PARAM_LED_SYNCE", paramLEDSynce)
        list.add(block, "PARAM_LED_INTERNAL", paramLEDInternal)
        list.add(block, "PARAM_BEEP", paramBeep)
        list.add(block, "PARAM_PHY_RESET", paramPHYReset)
        list.add(block, "PARAM_PINHEADER", paramPinheader)
        list.add(block, "PARAM_PMOD", paramPmod)
        list.add(block, "PARAM_EXT_BYPASS", paramExtBypass)
        list.add(block, "WIDTH_HC_BAD", widthHeaderCreationBad)
        list.add(
            block, "WIDTH_ETH_SW", widthEthernetSwitch,
            "log2 of the MAC table's entries of a datapath.")
        list.add(block, "WIDTH_RX_STAT_BAD", widthRXStatBad)
        list.add(block, "FPGA_TEMP", fpgaTemp)
        list.add(block, "FPGA_ALARM", fpgaAlarm)
        list.add(block, "CONFIG_CHECK", configCheck)
        list.add(
            block, "FIFO_OVERFLOW", fifoOverflow,
            "FIFOs that ran over.")
        list.add(
            block, "FIFO_UNDERRUN", fifoUnderrun,
            "FIFOs that ran empty.")
        list.add(
            block, "TXF_FULL", txfFull,
            "Sending FIFOs that are full.")
        list.add(
            block, "TXF_ACTIVITY", txfActivity,
            "Sending FIFOs that are in use.")
        list.add(block, "BUFFER_FULL", bufferFull)
        list.add(block, "PCIE_ERROR", pcieError)
        list.add(block, "PCIE_TIMEOUT_CNT", pcieTimeoutCnt)
        list.add(block, "CLK_MON", clkMon)
    }
}

/// revision: A number of the build.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct CommonRevision: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "A number of the build.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// ADDR_MAP_REV: Revision of this register map: read it first, offsets depend on it.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct CommonAddrMapRev: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// 7, 16 or 17 in what is public.
    public var revision: UInt32 {
        get { rawValue[0, 31] }
        set { rawValue[0, 31] = newValue }
    }

    /// Packets on PCIe carry a hardware timestamp as a fragment of their own.
    public var timestampFragments: Bool {
        get { rawValue[31] }
        set { rawValue[31] = newValue }
    }

    public static let about = RegisterAbout(
        "Revision of this register map: read it first, offsets depend on it.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [
            .init("revision", 0, 31, "7, 16 or 17 in what is public."),
            .init(
                "timestamp_fragments", 31, 1,
                "Packets on PCIe carry a hardware timestamp as a fragment of their own."),
        ])
}

/// FPGA_ID: Part of the device's unique number (DNA).
///
/// Source: InnoRoute/packages tn_env.h.
public struct CommonFPGAID: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Part of the device's unique number (DNA).",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [.init("value", 0, 32, "")])
}

/// EFUSE: User fuses of the FPGA.
///
/// Source: InnoRoute/packages tn_env.h.
public struct CommonEfuse: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "User fuses of the FPGA.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [.init("value", 0, 32, "")])
}

/// BITGEN_TIME: When the bitstream was made.
///
/// Source: InnoRoute/packages tn_env.h.
public struct CommonBitgenTime: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var second: UInt8 {
        get { UInt8(truncatingIfNeeded: rawValue[0, 6]) }
        set { rawValue[0, 6] = UInt32(newValue) }
    }

    public var minute: UInt8 {
        get { UInt8(truncatingIfNeeded: rawValue[6, 6]) }
        set { rawValue[6, 6] = UInt32(newValue) }
    }

    public var hour: UInt8 {
        get { UInt8(truncatingIfNeeded: rawValue[12, 5]) }
        set { rawValue[12, 5] = UInt32(newValue) }
    }

    /// Years since 2000.
    public var year: UInt8 {
        get { UInt8(truncatingIfNeeded: rawValue[17, 6]) }
        set { rawValue[17, 6] = UInt32(newValue) }
    }

    public var month: UInt8 {
        get { UInt8(truncatingIfNeeded: rawValue[23, 4]) }
        set { rawValue[23, 4] = UInt32(newValue) }
    }

    public var day: UInt8 {
        get { UInt8(truncatingIfNeeded: rawValue[27, 5]) }
        set { rawValue[27, 5] = UInt32(newValue) }
    }

    public static let about = RegisterAbout(
        "When the bitstream was made.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [
            .init("second", 0, 6, ""),
            .init("minute", 6, 6, ""),
            .init("hour", 12, 5, ""),
            .init("year", 17, 6, "Years since 2000."),
            .init("month", 23, 4, ""),
            .init("day", 27, 5, ""),
        ])
}

/// RW_TEST: A word to write and read back.
///
/// Source: InnoRoute/packages tn_env.h.
public struct CommonRwTest: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "A word to write and read back.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [.init("value", 0, 32, "")])
}

/// SYS_RESET: Resets. What a bit stands for is not public.
///
/// Source: InnoRoute/packages tn_env.h.
public struct CommonSysReset: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Resets. What a bit stands for is not public.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [.init("value", 0, 32, "")])
}

/// INTERRUPT: What wants attention. What a bit stands for is not public.
///
/// Source: InnoRoute/packages tn_env.h.
public struct CommonInterrupt: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "What wants attention. What a bit stands for is not public.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [.init("value", 0, 32, "")])
}

/// INTERRUPT_EN: What may interrupt.
///
/// Source: InnoRoute/packages tn_env.h.
public struct CommonInterruptEn: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "What may interrupt.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [.init("value", 0, 32, "")])
}

/// FEATURES_TM: What the traffic manager has.
///
/// Source: InnoRoute/packages tn_env.h.
public struct CommonFeaturesTrafficManager: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Time-aware shaper.
    public var tas: Bool {
        get { rawValue[0] }
        set { rawValue[0] = newValue }
    }

    /// Ports that have it: a bit each.
    public var tasPorts: UInt8 {
        get { UInt8(truncatingIfNeeded: rawValue[16, 8]) }
        set { rawValue[16, 8] = UInt32(newValue) }
    }

    public static let about = RegisterAbout(
        "What the traffic manager has.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [
            .init("tas", 0, 1, "Time-aware shaper."),
            .init("tas_ports", 16, 8, "Ports that have it: a bit each."),
        ])
}

/// FEATURES_6TREE: Hierarchical IPv6 routing.
///
/// Source: InnoRoute/packages tn_env.h.
public struct CommonFeatures6Tree: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Enabled.
    public var enabled: Bool {
        get { rawValue[0] }
        set { rawValue[0] = newValue }
    }

    /// Configured through registers; through the display if it is not set.
    public var fromRegisters: Bool {
        get { rawValue[1] }
        set { rawValue[1] = newValue }
    }

    /// Uplink ports: a bit each.
    public var uplinkPorts: UInt16 {
        get { UInt16(truncatingIfNeeded: rawValue[16, 16]) }
        set { rawValue[16, 16] = UInt32(newValue) }
    }

    public static let about = RegisterAbout(
        "Hierarchical IPv6 routing.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [
            .init("enabled", 0, 1, "Enabled."),
            .init("from_registers", 1, 1, "Configured through registers; through the display if it is not set."),
            .init("uplink_ports", 16, 16, "Uplink ports: a bit each."),
        ])
}

/// FEATURES_ETH_SW: What the Ethernet switch has. What a bit stands for is not public.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct CommonFeaturesEthernetSwitch: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "What the Ethernet switch has. What a bit stands for is not public.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// FEATURES_FLOWCACHE: What the flow cache has, and what becomes of a miss.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct CommonFeaturesFlowcache: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// There is a flow cache.
    public var present: Bool {
        get { rawValue[0] }
        set { rawValue[0] = newValue }
    }

    /// Exact matches by hash (EMH).
    public var emh: Bool {
        get { rawValue[1] }
        set { rawValue[1] = newValue }
    }

    /// Collision table, searched one by one.
    public var linear: Bool {
        get { rawValue[2] }
        set { rawValue[2] = newValue }
    }

    /// Masked matches (EMA, TCAM).
    public var ema: Bool {
        get { rawValue[3] }
        set { rawValue[3] = newValue }
    }

    /// A miss goes to the processor; looped back if it is not set.
    public var defaultToProcessor: Bool {
        get { rawValue[4] }
        set { rawValue[4] = newValue }
    }

    public static let about = RegisterAbout(
        "What the flow cache has, and what becomes of a miss.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [
            .init("present", 0, 1, "There is a flow cache."),
            .init("emh", 1, 1, "Exact matches by hash (EMH)."),
            .init("linear", 2, 1, "Collision table, searched one by one."),
            .init("ema", 3, 1, "Masked matches (EMA, TCAM)."),
            .init("default_to_processor", 4, 1, "A miss goes to the processor; looped back if it is not set."),
        ])
}

/// FEATURES_ACC_DP: What the acceleration datapath has.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct CommonFeaturesACCDP: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// There is one.
    public var present: Bool {
        get { rawValue[0] }
        set { rawValue[0] = newValue }
    }

    /// Accelerators.
    public var accelerators: UInt8 {
        get { UInt8(truncatingIfNeeded: rawValue[8, 8]) }
        set { rawValue[8, 8] = UInt32(newValue) }
    }

    /// Entries.
    public var entries: UInt16 {
        get { UInt16(truncatingIfNeeded: rawValue[16, 16]) }
        set { rawValue[16, 16] = UInt32(newValue) }
    }

    public static let about = RegisterAbout(
        "What the acceleration datapath has.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [
            .init("present", 0, 1, "There is one."),
            .init("accelerators", 8, 8, "Accelerators."),
            .init("entries", 16, 16, "Entries."),
        ])
}

/// features: What the build has. What a bit stands for is not public.
///
/// Source: InnoRoute/packages tn_env.h.
public struct CommonFeatures: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "What the build has. What a bit stands for is not public.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [.init("value", 0, 32, "")])
}

/// FEATURES_NET: What the ports have.
///
/// Source: InnoRoute/packages tn_env.h.
public struct CommonFeaturesNET: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// The speed of a port can be set.
    public var multiSpeed: Bool {
        get { rawValue[1] }
        set { rawValue[1] = newValue }
    }

    public static let about = RegisterAbout(
        "What the ports have.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [.init("multi_speed", 1, 1, "The speed of a port can be set.")])
}

/// FEATURES_USER: What the user part has.
///
/// Source: InnoRoute/packages tn_env.h.
public struct CommonFeaturesUser: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Time-aware shaper.
    public var tas: Bool {
        get { rawValue[0] }
        set { rawValue[0] = newValue }
    }

    /// Frame injection.
    public var frameInjection: Bool {
        get { rawValue[1] }
        set { rawValue[1] = newValue }
    }

    /// Clock.
    public var rtc: Bool {
        get { rawValue[2] }
        set { rawValue[2] = newValue }
    }

    /// Confirmations of transmission.
    public var txConfirmation: Bool {
        get { rawValue[3] }
        set { rawValue[3] = newValue }
    }

    /// Ports: a bit each.
    public var ports: UInt8 {
        get { UInt8(truncatingIfNeeded: rawValue[16, 8]) }
        set { rawValue[16, 8] = UInt32(newValue) }
    }

    public static let about = RegisterAbout(
        "What the user part has.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [
            .init("tas", 0, 1, "Time-aware shaper."),
            .init("frame_injection", 1, 1, "Frame injection."),
            .init("rtc", 2, 1, "Clock."),
            .init("tx_confirmation", 3, 1, "Confirmations of transmission."),
            .init("ports", 16, 8, "Ports: a bit each."),
        ])
}

/// parameter: A parameter of the build.
///
/// Source: InnoRoute/packages tn_env.h.
public struct CommonParameter: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "A parameter of the build.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [.init("value", 0, 32, "")])
}

/// width: A width of the build: the logarithm to base 2 of a number of entries.
///
/// Source: InnoRoute/packages tn_env.h.
public struct CommonWidth: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// log2 of the entries.
    public var bits: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "A width of the build: the logarithm to base 2 of a number of entries.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [.init("bits", 0, 32, "log2 of the entries.")])
}

/// FPGA_TEMP: Temperature of the FPGA.
///
/// Source: InnoRoute/packages tn_env.h.
public struct CommonFPGATemp: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Raw value of the converter.
    public var raw: UInt16 {
        get { UInt16(truncatingIfNeeded: rawValue[0, 12]) }
        set { rawValue[0, 12] = UInt32(newValue) }
    }

    /// raw * 504 / 4096 - 273
    public var celsius: Double { Double(raw) * 504 / 4096 - 273 }

    public static let about = RegisterAbout(
        "Temperature of the FPGA.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [.init("raw", 0, 12, "Raw value of the converter.")])
}

/// FPGA_ALARM: Alarms of the FPGA's monitor.
///
/// Source: InnoRoute/packages tn_env.h.
public struct CommonFPGAAlarm: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Any of them.
    public var any: Bool {
        get { rawValue[0] }
        set { rawValue[0] = newValue }
    }

    /// Too hot: the device shuts down.
    public var overTemperature: Bool {
        get { rawValue[1] }
        set { rawValue[1] = newValue }
    }

    /// Above the user's limit of temperature.
    public var userTemperature: Bool {
        get { rawValue[2] }
        set { rawValue[2] = newValue }
    }

    /// Auxiliary supply out of range.
    public var vccaux: Bool {
        get { rawValue[3] }
        set { rawValue[3] = newValue }
    }

    /// Internal supply out of range.
    public var vccint: Bool {
        get { rawValue[4] }
        set { rawValue[4] = newValue }
    }

    /// Block memory supply out of range.
    public var vbram: Bool {
        get { rawValue[5] }
        set { rawValue[5] = newValue }
    }

    public static let about = RegisterAbout(
        "Alarms of the FPGA's monitor.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [
            .init("any", 0, 1, "Any of them."),
            .init("over_temperature", 1, 1, "Too hot: the device shuts down."),
            .init("user_temperature", 2, 1, "Above the user's limit of temperature."),
            .init("vccaux", 3, 1, "Auxiliary supply out of range."),
            .init("vccint", 4, 1, "Internal supply out of range."),
            .init("vbram", 5, 1, "Block memory supply out of range."),
        ])
}

/// CONFIG_CHECK: Errors in the configuration memory of the FPGA.
///
/// Source: InnoRoute/packages tn_env.h.
public struct CommonConfigCheck: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Checksum.
    public var crc: Bool {
        get { rawValue[0] }
        set { rawValue[0] = newValue }
    }

    /// Error found.
    public var ecc: Bool {
        get { rawValue[1] }
        set { rawValue[1] = newValue }
    }

    /// Error of a single bit found.
    public var eccSingle: Bool {
        get { rawValue[2] }
        set { rawValue[2] = newValue }
    }

    public static let about = RegisterAbout(
        "Errors in the configuration memory of the FPGA.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [
            .init("crc", 0, 1, "Checksum."),
            .init("ecc", 1, 1, "Error found."),
            .init("ecc_single", 2, 1, "Error of a single bit found."),
        ])
}

/// FIFO flags: A bit for each FIFO. Which is which is not public.
///
/// Source: InnoRoute/packages tn_env.h.
public struct CommonFifoFlags: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "A bit for each FIFO. Which is which is not public.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [.init("value", 0, 32, "")])
}

/// BUFFER_FULL: State of the packet buffer.
///
/// Source: InnoRoute/packages tn_env.h.
public struct CommonBufferFull: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Full.
    public var full: Bool {
        get { rawValue[0] }
        set { rawValue[0] = newValue }
    }

    /// Receiving datapaths that are ready.
    public var rxReady: UInt8 {
        get { UInt8(truncatingIfNeeded: rawValue[16, 8]) }
        set { rawValue[16, 8] = UInt32(newValue) }
    }

    /// Sending datapaths that are ready.
    public var txReady: UInt8 {
        get { UInt8(truncatingIfNeeded: rawValue[24, 8]) }
        set { rawValue[24, 8] = UInt32(newValue) }
    }

    public static let about = RegisterAbout(
        "State of the packet buffer.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [
            .init("full", 0, 1, "Full."),
            .init("rx_ready", 16, 8, "Receiving datapaths that are ready."),
            .init("tx_ready", 24, 8, "Sending datapaths that are ready."),
        ])
}

/// PCIE_ERROR: Errors of the PCIe core. What a bit stands for is not public.
///
/// Source: InnoRoute/packages tn_env.h.
public struct CommonPCIeError: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Errors of the PCIe core. What a bit stands for is not public.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [.init("value", 0, 32, "")])
}

/// PCIE_TIMEOUT_CNT: Timeouts of the PCIe core.
///
/// Source: InnoRoute/packages tn_env.h.
public struct CommonPCIeTimeoutCnt: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var count: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Timeouts of the PCIe core.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [.init("value", 0, 32, "")])
}

/// CLK_MON: Clock monitor. Its unit is not public.
///
/// Source: InnoRoute/packages tn_env.h.
public struct CommonClkMon: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Clock monitor. Its unit is not public.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [.init("value", 0, 32, "")])
}

/// FEATURES_USER_DEF_OUTPRT: User-defined output ports. What a bit stands for is not public.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct CommonUserDefOutprt: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "User-defined output ports. What a bit stands for is not public.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}
