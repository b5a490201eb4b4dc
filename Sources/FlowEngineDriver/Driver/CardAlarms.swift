// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// What a card has complained of, kept after it forgot it, until somebody acknowledges it.
public struct CardAlarms: Sendable {
    public internal(set) var alarm = Latched<CommonFPGAAlarm>()
    public internal(set) var configuration = Latched<CommonConfigCheck>()
    public internal(set) var overflow = Latched<CommonFifoFlags>()
    public internal(set) var underrun = Latched<CommonFifoFlags>()
    public internal(set) var bufferFull = Latched<CommonBufferFull>()

    init() {}

    /// Forgets what was seen; what is still wrong is seen again.
    public mutating func acknowledge() { self = CardAlarms() }

    /// Sentences; none when nothing was wrong.
    public var complaints: [String] {
        var complaints: [String] = []
        let seen = alarm.seen
        if seen.overTemperature { complaints.append("the FPGA was too hot (FPGA_ALARM); see to its cooling") }
        if seen.userTemperature { complaints.append("the FPGA was hotter than the limit set by its user (FPGA_ALARM)") }
        let supplies = [(seen.vccaux, "VCCAUX"), (seen.vccint, "VCCINT"), (seen.vbram, "VBRAM")]
        for (isOut, name) in supplies where isOut {
            complaints.append("the FPGA's supply \(name) was out of its limits (FPGA_ALARM); see to its power")
        }
        if seen.any, seen.rawValue == 1 { complaints.append("the FPGA raised an alarm it does not name (FPGA_ALARM)") }
        let check = configuration.seen
        if check.crc || check.ecc {
            complaints.append(
                "the FPGA's configuration is damaged (CONFIG_CHECK 0x\(String(check.rawValue, radix: 16))); load the bitstream again"
            )
        } else if check.eccSingle {
            complaints.append("a bit of the FPGA's configuration flipped and was corrected (CONFIG_CHECK)")
        }
        if overflow.seen.rawValue != 0 || underrun.seen.rawValue != 0 {
            complaints.append(
                "FIFOs of the card overflowed or ran dry (0x\(String(overflow.seen.rawValue, radix: 16)), "
                    + "0x\(String(underrun.seen.rawValue, radix: 16))); frames were lost or damaged")
        }
        if bufferFull.seen.full { complaints.append("the card's packet buffer was full; frames were lost") }
        return complaints
    }
}

extension CardDriver {
    /// Reads what the card complains of, and keeps it.
    public func pollAlarms() throws(CardError) {
        var batch: [RegisterAccess] = []
        let usesLocal = identity.profile == .realTimeHAT && map.spiLocal != nil
        if let local = map.spiLocal, usesLocal {
            batch = [
                .read(local.fpgaAlarm.address), .read(local.configCheck.address), .read(local.fifoOverflow.address),
                .read(local.fifoUnderrun.address),
            ]
        } else {
            batch = [.read(map.common.fpgaAlarm.address), .read(map.common.configCheck.address)]
        }
        let flags = batch.count
        for index in 0..<map.common.fifoOverflow.count {
            batch.append(.read(map.common.fifoOverflow[index].address))
            batch.append(.read(map.common.fifoUnderrun[index].address))
        }
        batch.append(.read(map.common.bufferFull.address))
        do {
            try bus.transfer(&batch)
        } catch {
            throw .bus(error)
        }
        alarms.alarm.absorb(CommonFPGAAlarm(rawValue: batch[0].value))
        alarms.configuration.absorb(CommonConfigCheck(rawValue: batch[1].value))
        if usesLocal {
            alarms.overflow.absorb(CommonFifoFlags(rawValue: batch[2].value))
            alarms.underrun.absorb(CommonFifoFlags(rawValue: batch[3].value))
        }
        for index in 0..<map.common.fifoOverflow.count {
            alarms.overflow.absorb(CommonFifoFlags(rawValue: batch[flags + 2 * index].value))
            alarms.underrun.absorb(CommonFifoFlags(rawValue: batch[flags + 2 * index + 1].value))
        }
        alarms.bufferFull.absorb(CommonBufferFull(rawValue: batch[batch.count - 1].value))
    }
}
