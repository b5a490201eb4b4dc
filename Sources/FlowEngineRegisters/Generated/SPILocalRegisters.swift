// SPDX-License-Identifier: Apache-2.0
// DO NOT EDIT: made by tools/generate-registers from fpga-regs/blocks/spi_local.rdl.

/// SPI local: Registers of the SPI interface itself.
public struct SPILocalBlock: Sendable {
    /// Revision of the board.
    public let boardRev: Register<SPIBoardRev, ReadOnly>
    /// Temperature of the FPGA.
    public let fpgaTemp: Register<SPIFPGATemp, ReadOnly>
    /// Part of the device's unique number (DNA and fuses).
    public let fpgaID0: Register<SPIFPGAID, ReadOnly>
    /// Part of the device's unique number (DNA and fuses).
    public let fpgaID1: Register<SPIFPGAID, ReadOnly>
    /// When the bitstream was made.
    public let bitgenTime: Register<SPIBitgenTime, ReadOnly>
    /// Use case 8 bits, address map 8 bits, design id 16 bits; in public they are only listed in this order, read here
    /// as from the highest bit down.
    public let fpgaRev: Register<SPIFPGARev, ReadOnly>
    /// Basic features. What a bit stands for is not public.
    public let featureMap: Register<SPIFeatureMap, ReadOnly>
    /// Hash of the sources the bitstream was built from; in some builds only.
    public let databaseID: Register<SPIDatabaseID, ReadOnly>
    /// Interrupts that are raised and enabled.
    public let intPending: Register<SPIIntPending, ReadOnly>
    /// Interrupts that are raised.
    public let intStatus: Register<SPIIntStatus, ReadWrite>
    /// Enables the interrupts whose bits are written as ones; reads as the mask that INT_CLR_EN shares.
    public let intSetEn: Register<SPIIntSetEn, ReadWrite>
    /// Disables the interrupts whose bits are written as ones; reads as the mask that INT_SET_EN shares.
    public let intClrEn: Register<SPIIntClrEn, ReadWrite>
    /// Alarms of the FPGA's monitor since the last read.
    public let fpgaAlarm: Register<SPIFPGAAlarm, ClearOnRead>
    /// Errors in the configuration memory since the last read.
    public let configCheck: Register<SPIConfigCheck, ClearOnRead>
    /// Licensed features: the lower 8 bits by the HAT configurations, bits 8 and up by the HAT's Python package.
    public let license: Register<SPILicense, ReadOnly>
    /// Accesses that went wrong since the last read.
    public let accessError: Register<SPIAccessError, ClearOnRead>
    /// FIFOs that ran over since the last read.
    public let fifoOverflow: Register<SPIFifoFlags, ClearOnRead>
    /// FIFOs that ran empty since the last read.
    public let fifoUnderrun: Register<SPIFifoFlags, ClearOnRead>
    /// Interrupts from outside the FPGA since the last read.
    public let extInterrupt: Register<SPIExtInterrupt, ClearOnRead>
    /// Watchdog (24 bits, multiples of 64 ns), timer or PPS, cycle starts. Which bits these are is not public, nor
    /// which of them are cleared by reading.
    public let event: Register<SPIEvent, ClearOnReadWrite>
    /// Blocks that want attention since the last read; there is no mask at this level.
    public let mmiIntBitmap: Register<SPIMMIIntBitmap, ClearOnRead>
    /// Signals of back pressure since the last read, two bits each, one for each edge. Their order is not public.
    public let backpressure: Register<SPIBackpressure, ClearOnRead>
    /// Resets, active high; the public start script writes 3, then 0.
    public let reset: Register<SPIReset, ReadWrite>
    /// Drives the PPS signal instead of sampling it.
    public let drivePPS: Register<SPIDrivePPS, ReadWrite>
    /// For tests of the board.
    public let testDrive: Register<SPITestWord, WriteOnly>
    /// For tests of the board.
    public let testValue: Register<SPITestWord, WriteOnly>
    /// For tests of the board.
    public let testInput: Register<SPITestInput, ReadOnly>
    /// Numbers the vendor's build put into the bitstream.
    public let idROM: [SPIROMBlock]

    init(_ base: UInt32) {
        boardRev = Register(base + 0x0)
        fpgaTemp = Register(base + 0x100)
        fpgaID0 = Register(base + 0x200)
        fpgaID1 = Register(base + 0x300)
        bitgenTime = Register(base + 0x400)
        fpgaRev = Register(base + 0x500)
        featureMap = Register(base + 0x600)
        databaseID = Register(base + 0x700)
        intPending = Register(base + 0x800)
        intStatus = Register(base + 0x900)
        intSetEn = Register(base + 0xa00)
        intClrEn = Register(base + 0xb00)
        fpgaAlarm = Register(base + 0xc00)
        configCheck = Register(base + 0xd00)
        license = Register(base + 0xe00)
        accessError = Register(base + 0xf00)
        fifoOverflow = Register(base + 0x1000)
        fifoUnderrun = Register(base + 0x1100)
        extInterrupt = Register(base + 0x1200)
        event = Register(base + 0x1300)
        mmiIntBitmap = Register(base + 0x1400)
        backpressure = Register(base + 0x1500)
        reset = Register(base + 0x1600)
        drivePPS = Register(base + 0x1700)
        testDrive = Register(base + 0x1800)
        testValue = Register(base + 0x1900)
        testInput = Register(base + 0x1a00)
        idROM = (0..<16).map { SPIROMBlock(base + 0x2000 + UInt32($0) * 0x100) }
    }

    func list(_ block: String, in list: inout RegisterList) {
        list.add(block, "BOARD_REV", boardRev)
        list.add(block, "FPGA_TEMP", fpgaTemp)
        list.add(block, "FPGA_ID0", fpgaID0)
        list.add(block, "FPGA_ID1", fpgaID1)
        list.add(block, "BITGEN_TIME", bitgenTime)
        list.add(block, "FPGA_REV", fpgaRev)
        list.add(block, "FEATURE_MAP", featureMap)
        list.add(block, "DATABASE_ID", databaseID)
        list.add(block, "INT_PENDING", intPending)
        list.add(block, "INT_STATUS", intStatus)
        list.add(block, "INT_SET_EN", intSetEn)
        list.add(block, "INT_CLR_EN", intClrEn)
        list.add(block, "FPGA_ALARM", fpgaAlarm)
        list.add(block, "CONFIG_CHECK", configCheck)
        list.add(block, "LICENSE", license)
        list.add(block, "ACCESS_ERROR", accessError)
        list.add(
            block, "FIFO_OVERFLOW", fifoOverflow,
            "FIFOs that ran over since the last read.")
        list.add(
            block, "FIFO_UNDERRUN", fifoUnderrun,
            "FIFOs that ran empty since the last read.")
        list.add(block, "EXT_INTERRUPT", extInterrupt)
        list.add(block, "EVENT", event)
        list.add(block, "MMI_INT_BITMAP", mmiIntBitmap)
        list.add(block, "BACKPRESSURE", backpressure)
        list.add(block, "RESET", reset)
        list.add(block, "DRIVE_PPS", drivePPS)
        list.add(block, "TEST_DRIVE", testDrive)
        list.add(block, "TEST_VALUE", testValue)
        list.add(block, "TEST_INPUT", testInput)
        for (index, each) in idROM.enumerated() {
            each.list("\(block).ID_ROM\(index)", in: &list)
        }
    }
}

/// ID_ROM: Numbers the vendor's build put into the bitstream.
public struct SPIROMBlock: Sendable {
    /// Numbers the vendor's build put into the bitstream.
    public let word: Register<SPIIDROM, ReadOnly>

    init(_ base: UInt32) {
        word = Register(base + 0x0)
    }

    func list(_ block: String, in list: inout RegisterList) {
        list.add(block, "WORD", word)
    }
}

/// BOARD_REV: Revision of the board.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct SPIBoardRev: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Pins of the board.
    public var board: UInt8 {
        get { UInt8(truncatingIfNeeded: rawValue[0, 3]) }
        set { rawValue[0, 3] = UInt32(newValue) }
    }

    /// User fuses, unused.
    public var fuses: UInt32 {
        get { rawValue[3, 29] }
        set { rawValue[3, 29] = newValue }
    }

    public static let about = RegisterAbout(
        "Revision of the board.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [
            .init("board", 0, 3, "Pins of the board."),
            .init("fuses", 3, 29, "User fuses, unused."),
        ])
}

/// FPGA_TEMP: Temperature of the FPGA.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct SPIFPGATemp: DescribedRegister {
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
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("raw", 0, 12, "Raw value of the converter.")])
}

/// FPGA_ID: Part of the device's unique number (DNA and fuses).
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct SPIFPGAID: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Part of the device's unique number (DNA and fuses).",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// BITGEN_TIME: When the bitstream was made.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct SPIBitgenTime: DescribedRegister {
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
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [
            .init("second", 0, 6, ""),
            .init("minute", 6, 6, ""),
            .init("hour", 12, 5, ""),
            .init("year", 17, 6, "Years since 2000."),
            .init("month", 23, 4, ""),
            .init("day", 27, 5, ""),
        ])
}

/// FPGA_REV: Use case 8 bits, address map 8 bits, design id 16 bits; in public they are only listed in this order, read
/// here as from the highest bit down.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct SPIFPGARev: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Design id.
    public var design: UInt16 {
        get { UInt16(truncatingIfNeeded: rawValue[0, 16]) }
        set { rawValue[0, 16] = UInt32(newValue) }
    }

    /// Revision of the register map.
    public var addressMap: UInt8 {
        get { UInt8(truncatingIfNeeded: rawValue[16, 8]) }
        set { rawValue[16, 8] = UInt32(newValue) }
    }

    /// Use case of the bitstream.
    public var useCase: UInt8 {
        get { UInt8(truncatingIfNeeded: rawValue[24, 8]) }
        set { rawValue[24, 8] = UInt32(newValue) }
    }

    public static let about = RegisterAbout(
        "Use case 8 bits, address map 8 bits, design id 16 bits; in public they are only listed in this "
            + "order, read here as from the highest bit down.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [
            .init("design", 0, 16, "Design id."),
            .init("address_map", 16, 8, "Revision of the register map."),
            .init("use_case", 24, 8, "Use case of the bitstream."),
        ])
}

/// FEATURE_MAP: Basic features. What a bit stands for is not public.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct SPIFeatureMap: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Basic features. What a bit stands for is not public.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// DATABASE_ID: Hash of the sources the bitstream was built from; in some builds only.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct SPIDatabaseID: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Hash of the sources the bitstream was built from; in some builds only.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// INT_PENDING: Interrupts that are raised and enabled.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct SPIIntPending: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Monitor of the FPGA: FPGA_ALARM.
    public var xadc: Bool {
        get { rawValue[0] }
        set { rawValue[0] = newValue }
    }

    /// Configuration memory: CONFIG_CHECK.
    public var frameEcce2: Bool {
        get { rawValue[1] }
        set { rawValue[1] = newValue }
    }

    /// Tamper.
    public var tamper: Bool {
        get { rawValue[2] }
        set { rawValue[2] = newValue }
    }

    /// Access error: ACCESS_ERROR.
    public var spiError: Bool {
        get { rawValue[3] }
        set { rawValue[3] = newValue }
    }

    /// FIFO_OVERFLOW.
    public var fifoOverflow: Bool {
        get { rawValue[4] }
        set { rawValue[4] = newValue }
    }

    /// FIFO_UNDERRUN.
    public var fifoUnderrun: Bool {
        get { rawValue[5] }
        set { rawValue[5] = newValue }
    }

    /// EXT_INTERRUPT.
    public var ext: Bool {
        get { rawValue[6] }
        set { rawValue[6] = newValue }
    }

    /// Watchdog: EVENT.
    public var watchdog: Bool {
        get { rawValue[7] }
        set { rawValue[7] = newValue }
    }

    /// MMI_INT_BITMAP.
    public var mmi: Bool {
        get { rawValue[8] }
        set { rawValue[8] = newValue }
    }

    /// Test.
    public var test: Bool {
        get { rawValue[9] }
        set { rawValue[9] = newValue }
    }

    /// A confirmation of transmission waits at the port.
    public subscript(txConf index: Int) -> Bool {
        get { rawValue[10 + checked(index, 3)] }
        set { rawValue[10 + checked(index, 3)] = newValue }
    }

    public static let about = RegisterAbout(
        "Interrupts that are raised and enabled.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [
            .init("xadc", 0, 1, "Monitor of the FPGA: FPGA_ALARM."),
            .init("frame_ecce2", 1, 1, "Configuration memory: CONFIG_CHECK."),
            .init("tamper", 2, 1, "Tamper."),
            .init("spi_error", 3, 1, "Access error: ACCESS_ERROR."),
            .init("fifo_overflow", 4, 1, "FIFO_OVERFLOW."),
            .init("fifo_underrun", 5, 1, "FIFO_UNDERRUN."),
            .init("ext", 6, 1, "EXT_INTERRUPT."),
            .init("watchdog", 7, 1, "Watchdog: EVENT."),
            .init("mmi", 8, 1, "MMI_INT_BITMAP."),
            .init("test", 9, 1, "Test."),
            .init("tx_conf0", 10, 1, "A confirmation of transmission waits at the port."),
            .init("tx_conf1", 11, 1, "A confirmation of transmission waits at the port."),
            .init("tx_conf2", 12, 1, "A confirmation of transmission waits at the port."),
        ])
}

/// INT_STATUS: Interrupts that are raised.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct SPIIntStatus: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Monitor of the FPGA: FPGA_ALARM.
    public var xadc: Bool {
        get { rawValue[0] }
        set { rawValue[0] = newValue }
    }

    /// Configuration memory: CONFIG_CHECK.
    public var frameEcce2: Bool {
        get { rawValue[1] }
        set { rawValue[1] = newValue }
    }

    /// Tamper.
    public var tamper: Bool {
        get { rawValue[2] }
        set { rawValue[2] = newValue }
    }

    /// Access error: ACCESS_ERROR.
    public var spiError: Bool {
        get { rawValue[3] }
        set { rawValue[3] = newValue }
    }

    /// FIFO_OVERFLOW.
    public var fifoOverflow: Bool {
        get { rawValue[4] }
        set { rawValue[4] = newValue }
    }

    /// FIFO_UNDERRUN.
    public var fifoUnderrun: Bool {
        get { rawValue[5] }
        set { rawValue[5] = newValue }
    }

    /// EXT_INTERRUPT.
    public var ext: Bool {
        get { rawValue[6] }
        set { rawValue[6] = newValue }
    }

    /// Watchdog: EVENT.
    public var watchdog: Bool {
        get { rawValue[7] }
        set { rawValue[7] = newValue }
    }

    /// MMI_INT_BITMAP.
    public var mmi: Bool {
        get { rawValue[8] }
        set { rawValue[8] = newValue }
    }

    /// Test.
    public var test: Bool {
        get { rawValue[9] }
        set { rawValue[9] = newValue }
    }

    /// A confirmation of transmission waits at the port.
    public subscript(txConf index: Int) -> Bool {
        get { rawValue[10 + checked(index, 3)] }
        set { rawValue[10 + checked(index, 3)] = newValue }
    }

    public static let about = RegisterAbout(
        "Interrupts that are raised.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [
            .init("xadc", 0, 1, "Monitor of the FPGA: FPGA_ALARM."),
            .init("frame_ecce2", 1, 1, "Configuration memory: CONFIG_CHECK."),
            .init("tamper", 2, 1, "Tamper."),
            .init("spi_error", 3, 1, "Access error: ACCESS_ERROR."),
            .init("fifo_overflow", 4, 1, "FIFO_OVERFLOW."),
            .init("fifo_underrun", 5, 1, "FIFO_UNDERRUN."),
            .init("ext", 6, 1, "EXT_INTERRUPT."),
            .init("watchdog", 7, 1, "Watchdog: EVENT."),
            .init("mmi", 8, 1, "MMI_INT_BITMAP."),
            .init("test", 9, 1, "Test."),
            .init("tx_conf0", 10, 1, "A confirmation of transmission waits at the port."),
            .init("tx_conf1", 11, 1, "A confirmation of transmission waits at the port."),
            .init("tx_conf2", 12, 1, "A confirmation of transmission waits at the port."),
        ])
}

/// INT_SET_EN: Enables the interrupts whose bits are written as ones; reads as the mask that INT_CLR_EN shares.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct SPIIntSetEn: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Monitor of the FPGA: FPGA_ALARM.
    public var xadc: Bool {
        get { rawValue[0] }
        set { rawValue[0] = newValue }
    }

    /// Configuration memory: CONFIG_CHECK.
    public var frameEcce2: Bool {
        get { rawValue[1] }
        set { rawValue[1] = newValue }
    }

    /// Tamper.
    public var tamper: Bool {
        get { rawValue[2] }
        set { rawValue[2] = newValue }
    }

    /// Access error: ACCESS_ERROR.
    public var spiError: Bool {
        get { rawValue[3] }
        set { rawValue[3] = newValue }
    }

    /// FIFO_OVERFLOW.
    public var fifoOverflow: Bool {
        get { rawValue[4] }
        set { rawValue[4] = newValue }
    }

    /// FIFO_UNDERRUN.
    public var fifoUnderrun: Bool {
        get { rawValue[5] }
        set { rawValue[5] = newValue }
    }

    /// EXT_INTERRUPT.
    public var ext: Bool {
        get { rawValue[6] }
        set { rawValue[6] = newValue }
    }

    /// Watchdog: EVENT.
    public var watchdog: Bool {
        get { rawValue[7] }
        set { rawValue[7] = newValue }
    }

    /// MMI_INT_BITMAP.
    public var mmi: Bool {
        get { rawValue[8] }
        set { rawValue[8] = newValue }
    }

    /// Test.
    public var test: Bool {
        get { rawValue[9] }
        set { rawValue[9] = newValue }
    }

    /// A confirmation of transmission waits at the port.
    public subscript(txConf index: Int) -> Bool {
        get { rawValue[10 + checked(index, 3)] }
        set { rawValue[10 + checked(index, 3)] = newValue }
    }

    public static let about = RegisterAbout(
        "Enables the interrupts whose bits are written as ones; reads as the mask that INT_CLR_EN shares.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [
            .init("xadc", 0, 1, "Monitor of the FPGA: FPGA_ALARM."),
            .init("frame_ecce2", 1, 1, "Configuration memory: CONFIG_CHECK."),
            .init("tamper", 2, 1, "Tamper."),
            .init("spi_error", 3, 1, "Access error: ACCESS_ERROR."),
            .init("fifo_overflow", 4, 1, "FIFO_OVERFLOW."),
            .init("fifo_underrun", 5, 1, "FIFO_UNDERRUN."),
            .init("ext", 6, 1, "EXT_INTERRUPT."),
            .init("watchdog", 7, 1, "Watchdog: EVENT."),
            .init("mmi", 8, 1, "MMI_INT_BITMAP."),
            .init("test", 9, 1, "Test."),
            .init("tx_conf0", 10, 1, "A confirmation of transmission waits at the port."),
            .init("tx_conf1", 11, 1, "A confirmation of transmission waits at the port."),
            .init("tx_conf2", 12, 1, "A confirmation of transmission waits at the port."),
        ])
}

/// INT_CLR_EN: Disables the interrupts whose bits are written as ones; reads as the mask that INT_SET_EN shares.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct SPIIntClrEn: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Monitor of the FPGA: FPGA_ALARM.
    public var xadc: Bool {
        get { rawValue[0] }
        set { rawValue[0] = newValue }
    }

    /// Configuration memory: CONFIG_CHECK.
    public var frameEcce2: Bool {
        get { rawValue[1] }
        set { rawValue[1] = newValue }
    }

    /// Tamper.
    public var tamper: Bool {
        get { rawValue[2] }
        set { rawValue[2] = newValue }
    }

    /// Access error: ACCESS_ERROR.
    public var spiError: Bool {
        get { rawValue[3] }
        set { rawValue[3] = newValue }
    }

    /// FIFO_OVERFLOW.
    public var fifoOverflow: Bool {
        get { rawValue[4] }
        set { rawValue[4] = newValue }
    }

    /// FIFO_UNDERRUN.
    public var fifoUnderrun: Bool {
        get { rawValue[5] }
        set { rawValue[5] = newValue }
    }

    /// EXT_INTERRUPT.
    public var ext: Bool {
        get { rawValue[6] }
        set { rawValue[6] = newValue }
    }

    /// Watchdog: EVENT.
    public var watchdog: Bool {
        get { rawValue[7] }
        set { rawValue[7] = newValue }
    }

    /// MMI_INT_BITMAP.
    public var mmi: Bool {
        get { rawValue[8] }
        set { rawValue[8] = newValue }
    }

    /// Test.
    public var test: Bool {
        get { rawValue[9] }
        set { rawValue[9] = newValue }
    }

    /// A confirmation of transmission waits at the port.
    public subscript(txConf index: Int) -> Bool {
        get { rawValue[10 + checked(index, 3)] }
        set { rawValue[10 + checked(index, 3)] = newValue }
    }

    public static let about = RegisterAbout(
        "Disables the interrupts whose bits are written as ones; reads as the mask that INT_SET_EN shares.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [
            .init("xadc", 0, 1, "Monitor of the FPGA: FPGA_ALARM."),
            .init("frame_ecce2", 1, 1, "Configuration memory: CONFIG_CHECK."),
            .init("tamper", 2, 1, "Tamper."),
            .init("spi_error", 3, 1, "Access error: ACCESS_ERROR."),
            .init("fifo_overflow", 4, 1, "FIFO_OVERFLOW."),
            .init("fifo_underrun", 5, 1, "FIFO_UNDERRUN."),
            .init("ext", 6, 1, "EXT_INTERRUPT."),
            .init("watchdog", 7, 1, "Watchdog: EVENT."),
            .init("mmi", 8, 1, "MMI_INT_BITMAP."),
            .init("test", 9, 1, "Test."),
            .init("tx_conf0", 10, 1, "A confirmation of transmission waits at the port."),
            .init("tx_conf1", 11, 1, "A confirmation of transmission waits at the port."),
            .init("tx_conf2", 12, 1, "A confirmation of transmission waits at the port."),
        ])
}

/// FPGA_ALARM: Alarms of the FPGA's monitor since the last read.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct SPIFPGAAlarm: DescribedRegister {
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
        "Alarms of the FPGA's monitor since the last read.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [
            .init("any", 0, 1, "Any of them."),
            .init("over_temperature", 1, 1, "Too hot: the device shuts down."),
            .init("user_temperature", 2, 1, "Above the user's limit of temperature."),
            .init("vccaux", 3, 1, "Auxiliary supply out of range."),
            .init("vccint", 4, 1, "Internal supply out of range."),
            .init("vbram", 5, 1, "Block memory supply out of range."),
        ])
}

/// CONFIG_CHECK: Errors in the configuration memory since the last read.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct SPIConfigCheck: DescribedRegister {
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
        "Errors in the configuration memory since the last read.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [
            .init("crc", 0, 1, "Checksum."),
            .init("ecc", 1, 1, "Error found."),
            .init("ecc_single", 2, 1, "Error of a single bit found."),
        ])
}

/// LICENSE: Licensed features: the lower 8 bits by the HAT configurations, bits 8 and up by the HAT's Python package.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct SPILicense: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Lower 8 bits.
    public var low: UInt8 {
        get { UInt8(truncatingIfNeeded: rawValue[0, 8]) }
        set { rawValue[0, 8] = UInt32(newValue) }
    }

    /// Features as the HAT's Python package reads them.
    public var features: UInt32 {
        get { rawValue[8, 24] }
        set { rawValue[8, 24] = newValue }
    }

    public static let about = RegisterAbout(
        "Licensed features: the lower 8 bits by the HAT configurations, bits 8 and up by the HAT's Python "
            + "package.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [
            .init("low", 0, 8, "Lower 8 bits."),
            .init("features", 8, 24, "Features as the HAT's Python package reads them."),
        ])
}

/// ACCESS_ERROR: Accesses that went wrong since the last read.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct SPIAccessError: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Bad command, or it does not fit the address.
    public var command: Bool {
        get { rawValue[0] }
        set { rawValue[0] = newValue }
    }

    /// The access was too short or interrupted.
    public var undersized: Bool {
        get { rawValue[1] }
        set { rawValue[1] = newValue }
    }

    /// The access was too long.
    public var oversized: Bool {
        get { rawValue[2] }
        set { rawValue[2] = newValue }
    }

    /// The address is no multiple of 4.
    public var misaligned: Bool {
        get { rawValue[3] }
        set { rawValue[3] = newValue }
    }

    /// There is no local register at this address.
    public var undefinedAddress: Bool {
        get { rawValue[4] }
        set { rawValue[4] = newValue }
    }

    /// A local register was written that can only be read, or the other way round.
    public var accessViolation: Bool {
        get { rawValue[5] }
        set { rawValue[5] = newValue }
    }

    /// A local read was not answered in time.
    public var localReadTimeout: Bool {
        get { rawValue[6] }
        set { rawValue[6] = newValue }
    }

    /// The register bus reports an error.
    public var mmiError: Bool {
        get { rawValue[7] }
        set { rawValue[7] = newValue }
    }

    /// An earlier write to the register bus was not taken in time.
    public var mmiWriteTimeout: Bool {
        get { rawValue[8] }
        set { rawValue[8] = newValue }
    }

    /// A read of the register bus was not answered in time.
    public var mmiReadTimeout: Bool {
        get { rawValue[9] }
        set { rawValue[9] = newValue }
    }

    /// This access was not answered in time.
    public var timeout: Bool {
        get { rawValue[10] }
        set { rawValue[10] = newValue }
    }

    /// A read of the register bus failed, perhaps of a register that can only be written.
    public var mmiReadFailed: Bool {
        get { rawValue[11] }
        set { rawValue[11] = newValue }
    }

    public static let about = RegisterAbout(
        "Accesses that went wrong since the last read.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [
            .init("command", 0, 1, "Bad command, or it does not fit the address."),
            .init("undersized", 1, 1, "The access was too short or interrupted."),
            .init("oversized", 2, 1, "The access was too long."),
            .init("misaligned", 3, 1, "The address is no multiple of 4."),
            .init("undefined_address", 4, 1, "There is no local register at this address."),
            .init(
                "access_violation", 5, 1,
                "A local register was written that can only be read, or the other way round."),
            .init("local_read_timeout", 6, 1, "A local read was not answered in time."),
            .init("mmi_error", 7, 1, "The register bus reports an error."),
            .init("mmi_write_timeout", 8, 1, "An earlier write to the register bus was not taken in time."),
            .init("mmi_read_timeout", 9, 1, "A read of the register bus was not answered in time."),
            .init("timeout", 10, 1, "This access was not answered in time."),
            .init(
                "mmi_read_failed", 11, 1,
                "A read of the register bus failed, perhaps of a register that can only be written."),
        ])
}

/// FIFO flags: A bit for each FIFO since the last read. Which is which is not public.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct SPIFifoFlags: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "A bit for each FIFO since the last read. Which is which is not public.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// EXT_INTERRUPT: Interrupts from outside the FPGA since the last read.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct SPIExtInterrupt: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// PHY of port 0.
    public var phyPort0: Bool {
        get { rawValue[0] }
        set { rawValue[0] = newValue }
    }

    /// PHY of the PoE port.
    public var phyPoe: Bool {
        get { rawValue[1] }
        set { rawValue[1] = newValue }
    }

    /// PHY of the middle port.
    public var phyMiddle: Bool {
        get { rawValue[2] }
        set { rawValue[2] = newValue }
    }

    /// Power management.
    public var pmic: Bool {
        get { rawValue[3] }
        set { rawValue[3] = newValue }
    }

    /// The link of port 0 changed.
    public var linkPort0: Bool {
        get { rawValue[4] }
        set { rawValue[4] = newValue }
    }

    /// The link of the PoE port changed.
    public var linkPoe: Bool {
        get { rawValue[5] }
        set { rawValue[5] = newValue }
    }

    /// The link of the middle port changed.
    public var linkMiddle: Bool {
        get { rawValue[6] }
        set { rawValue[6] = newValue }
    }

    public static let about = RegisterAbout(
        "Interrupts from outside the FPGA since the last read.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [
            .init("phy_port0", 0, 1, "PHY of port 0."),
            .init("phy_poe", 1, 1, "PHY of the PoE port."),
            .init("phy_middle", 2, 1, "PHY of the middle port."),
            .init("pmic", 3, 1, "Power management."),
            .init("link_port0", 4, 1, "The link of port 0 changed."),
            .init("link_poe", 5, 1, "The link of the PoE port changed."),
            .init("link_middle", 6, 1, "The link of the middle port changed."),
        ])
}

/// EVENT: Watchdog (24 bits, multiples of 64 ns), timer or PPS, cycle starts. Which bits these are is not public, nor
/// which of them are cleared by reading.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct SPIEvent: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Watchdog (24 bits, multiples of 64 ns), timer or PPS, cycle starts. Which bits these are is not "
            + "public, nor which of them are cleared by reading.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// MMI_INT_BITMAP: Blocks that want attention since the last read; there is no mask at this level.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct SPIMMIIntBitmap: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Blocks that want attention since the last read; there is no mask at this level.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// BACKPRESSURE: Signals of back pressure since the last read, two bits each, one for each edge. Their order is not
/// public.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct SPIBackpressure: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Signals of back pressure since the last read, two bits each, one for each edge. Their order is not "
            + "public.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// RESET: Resets, active high; the public start script writes 3, then 0.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct SPIReset: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Reset of the register bus and of the PHYs; which bit is which is not public.
    public var resets: UInt8 {
        get { UInt8(truncatingIfNeeded: rawValue[0, 2]) }
        set { rawValue[0, 2] = UInt32(newValue) }
    }

    public static let about = RegisterAbout(
        "Resets, active high; the public start script writes 3, then 0.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("resets", 0, 2, "Reset of the register bus and of the PHYs; which bit is which is not public.")])
}

/// DRIVE_PPS: Drives the PPS signal instead of sampling it.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct SPIDrivePPS: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Drives the PPS signal instead of sampling it.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// test word: For tests of the board.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct SPITestWord: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "For tests of the board.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// TEST_INPUT: For tests of the board.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct SPITestInput: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "For tests of the board.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// ID_ROM: Numbers the vendor's build put into the bitstream.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct SPIIDROM: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Numbers the vendor's build put into the bitstream.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}
