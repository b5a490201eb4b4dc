// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// Bits of ACCESS_ERROR, SPI local 0x0F00.
struct SPIErrors: OptionSet, Hashable, Sendable {
    let rawValue: UInt32
    static let command = Self(rawValue: 1 << 0)
    static let undersized = Self(rawValue: 1 << 1)
    static let oversized = Self(rawValue: 1 << 2)
    static let misaligned = Self(rawValue: 1 << 3)
    static let undefinedAddress = Self(rawValue: 1 << 4)
    static let accessViolation = Self(rawValue: 1 << 5)
    static let localReadTimeout = Self(rawValue: 1 << 6)
    static let mmiError = Self(rawValue: 1 << 7)
    static let mmiWriteTimeout = Self(rawValue: 1 << 8)
    static let mmiReadTimeout = Self(rawValue: 1 << 9)
    static let timeout = Self(rawValue: 1 << 10)
    static let mmiReadFailed = Self(rawValue: 1 << 11)
}

/// Sources of interrupts, SPI local 0x0800 and 0x0900.
enum LocalInterrupt: UInt32 {
    case monitor = 0
    case configurationMemory = 1
    case spiError = 3
    case external = 6
    case mmi = 8
    case confirmation = 10
}

// The HAT's SPI interface, clocks, confirmations and health.
extension CardCore {
    static let interruptBits: UInt32 = (1 << 13) - 1

    mutating func noteSPI(_ errors: SPIErrors) {
        guard let local = map.spiLocal, configuration.profile == .realTimeHAT else { return }
        registers.latch(local.accessError.address, errors.rawValue)
        raise(.spiError)
    }

    mutating func raise(_ interrupt: LocalInterrupt, offset: UInt32 = 0) {
        interruptRaw |= 1 << (interrupt.rawValue + offset)
    }

    var interruptStatus: UInt32 { interruptRaw & CardCore.interruptBits }

    /// That ones written clear is assumed.
    mutating func interruptStatusAfterClearing(_ ones: UInt32) -> UInt32 {
        interruptRaw &= ~ones
        return interruptStatus
    }

    /// Which of the two bits resets the bus and which the PHYs is not public: either holds the card in reset.
    mutating func writeLocalReset(_ value: UInt32) {
        let (held, asked) = (heldReset, value & 3)
        if held == 0, asked != 0 { reset(isPowerCycle: false) }
        heldReset = asked
    }

    /// °C = raw × 504 / 4096 − 273.
    var temperatureWord: UInt32 {
        UInt32(max(0, min(4095, ((temperature + 273) * 4096 / 504).rounded())))
    }

    mutating func setTemperature(_ celsius: Double) {
        temperature = celsius
        if celsius >= configuration.overTemperature { raise(alarms: [.any, .overTemperature]) }
    }

    /// Latched in both blocks: until read in SPI local; in COMMON, which has no clearing access, until a reset.
    mutating func raise(alarms: CardFaults.Alarms) {
        registers.latch(map.common.fpgaAlarm.address, alarms.rawValue)
        registers.latch(map.spiLocal?.fpgaAlarm.address, alarms.rawValue)
        raise(.monitor)
        raiseBus(bit: 22)
    }

    /// Bits of CONFIG_CHECK.
    mutating func raise(configurationErrors bits: UInt32) {
        registers.latch(map.common.configCheck.address, bits)
        registers.latch(map.spiLocal?.configCheck.address, bits)
        raise(.configurationMemory)
        raiseBus(bit: 22)
    }

    /// A block asks for attention at the bus manager.
    private mutating func raiseBus(bit: UInt32) {
        registers.latch(map.bm.mmiInterrupt.address, 1 << bit)
        registers.latch(map.spiLocal?.mmiIntBitmap.address, 1 << bit)
        registers[map.bm.mmiIntCnt.address] &+= 1
        raise(.mmi)
    }

    /// Reading BRIDGE_LOW samples both clocks.
    mutating func sampleClocks() {
        let (bridge, controlled) = (clock.bridge(time), clock.controlled(time))
        registers[map.rtc.bridgeLow.address] = UInt32(truncatingIfNeeded: bridge)
        registers[map.rtc.bridgeHigh.address] = UInt32(truncatingIfNeeded: bridge >> 32)
        registers[map.rtc.ctrldLow.address] = UInt32(truncatingIfNeeded: controlled)
        registers[map.rtc.ctrldHigh.address] = UInt32(truncatingIfNeeded: controlled >> 32)
    }

    /// A frame with a confirmation id was sent.
    mutating func confirm(_ id: UInt16, port: Int) {
        guard port < map.net.txConf.count else { return }
        let entry = map.net.txConf[port]
        let sent = clock.bridge(time)
        registers[entry.id.address] = UInt32(id) | 1 << 16
        registers[entry.timeLow.address] = UInt32(truncatingIfNeeded: sent)
        registers[entry.timeHigh.address] = UInt32(truncatingIfNeeded: sent >> 32)
        registers.latch(map.net.txConfVld.address, 1 << UInt32(port))
        if port < 3 { raise(.confirmation, offset: UInt32(port)) }
    }

    mutating func clearConfirmation(_ port: Int) {
        registers[map.net.txConf[port].id.address] = 0
        registers[map.net.txConfVld.address] &= ~(1 << UInt32(port))
    }
}
