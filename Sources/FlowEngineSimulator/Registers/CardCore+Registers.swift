// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

// One access at the register level, as the bus manager and the blocks see it. Faults are in CardCore+Faults.swift.
extension CardCore {
    static let gigabitOnAllPorts: UInt32 = 0xaaaa_aaaa

    mutating func perform(_ access: RegisterAccess) -> AccessOutcome {
        guard isPowered else { return .absent }
        let isLocal = CardCore.isLocal(access.address)
        if !isLocal {
            bus.accesses += 1
            bus.total &+= 1
            if bus.hasLateWrite { noteSPI(.mmiWriteTimeout) }
            bus.hasLateWrite = false
        }
        let outcome: AccessOutcome =
            !isLocal && heldReset != 0
            ? .timedOut : access.kind == .read ? read(access.address) : write(access.address, access.value)
        note(outcome, access, isLocal: isLocal)
        return outcome
    }

    private mutating func read(_ address: RegisterAddress) -> AccessOutcome {
        // All tables are write-only.
        if windows.place(address) != nil { return .refused }
        guard let place = registers.place(address) else {
            return registers.hasPage(address) ? .refused : .timedOut
        }
        let cell = registers.cells[place]
        guard cell.canRead else { return .refused }
        let value = registers.behaviour(place).map { readWord($0, place) } ?? cell.value
        if cell.clearsOnRead { registers[place: place] = 0 }
        return .value(value)
    }

    private mutating func write(_ address: RegisterAddress, _ value: UInt32) -> AccessOutcome {
        if let (target, entry, word) = windows.place(address) {
            if case .table(let kind, let datapath) = target { writeTable(kind, datapath, entry, word, value) }
            return .written
        }
        guard let place = registers.place(address) else {
            return registers.hasPage(address) ? .refused : .timedOut
        }
        guard registers.cells[place].canWrite else { return .refused }
        if let behaviour = registers.behaviour(place) {
            writeWord(behaviour, place, value)
        } else {
            registers[place: place] = value
        }
        return .written
    }

    private mutating func writeTable(_ kind: TableKind, _ datapath: Int, _ entry: Int, _ word: Int, _ value: UInt32) {
        counters.count(kind)
        switch kind {
        case .hash: flowCache.writeSlot(entry, value)
        case .exactRule: flowCache.writeExact(entry, word: word, value)
        case .collision: flowCache.writeCollision(entry, word: word, value)
        case .maskedRule: flowCache.writeMaskedRule(entry, word: word, value)
        case .tcam: flowCache.writeTCAM(entry, word: word, value)
        case .action: flowCache.writeAction(entry, value)
        case .overwrite: overwrites[datapath].write(entry, word: word, value)
        }
    }

    /// Latches what went wrong where software looks for it.
    mutating func note(_ outcome: AccessOutcome, _ access: RegisterAccess, isLocal: Bool) {
        let isRead = access.kind == .read
        switch outcome {
        case .value, .written, .absent: return
        case .refused:
            if isLocal {
                let known = registers.place(access.address) != nil
                noteSPI(known ? .accessViolation : .undefinedAddress)
                return
            }
            bus.errorBits |= isRead ? 1 : 2
            registers[map.bm.mmiAccessErrAddr.address] = access.address.rawValue
            noteSPI(isRead ? [.mmiError, .mmiReadFailed] : .mmiError)
        case .timedOut:
            if isLocal {
                noteSPI(registers.hasPage(access.address) ? [.localReadTimeout, .timeout] : .undefinedAddress)
                return
            }
            bus.errorBits |= isRead ? 4 : 8
            registers[(isRead ? map.bm.mmiToAddr : map.bm.mmiToWrAddr).address] = access.address.rawValue
            if isRead { noteSPI([.mmiReadTimeout, .timeout]) } else { bus.hasLateWrite = true }
        }
        bus.errors += 1
    }

    private mutating func readWord(_ behaviour: Behaviour, _ place: Int) -> UInt32 {
        let held = registers[place: place]
        switch behaviour {
        case .busStatus: return bus.takeStatus()
        case .busAccesses: return bus.total
        case .temperature, .localTemperature: return temperatureWord
        case .mdioRead: return phys.read()
        case .bridgeLow:
            sampleClocks()
            return registers[place: place]
        case .confirmationTimeHigh(let port):
            clearConfirmation(port)
            return held
        case .switchFrames: return ethernetSwitch.frames
        case .switchLearned:
            ethernetSwitch.expire(at: time, force: true)
            return UInt32(ethernetSwitch.entries.count)
        case .switchAgedOut:
            ethernetSwitch.expire(at: time, force: true)
            return ethernetSwitch.agedOut
        case .switchFloodUnknown: return ethernetSwitch.floodsUnknown
        case .switchFloodFull: return ethernetSwitch.floodsFull
        case .pointerCount: return UInt32(trafficManager.segmentsInUse(at: time))
        case .interruptPending: return interruptStatus & interruptMask
        case .interruptStatus: return interruptStatus
        case .interruptSet, .interruptClear: return interruptMask
        default: return held
        }
    }

    private mutating func writeWord(_ behaviour: Behaviour, _ place: Int, _ value: UInt32) {
        registers[place: place] = value
        switch behaviour {
        // Which bits reset what is not public: any does.
        case .systemReset: if value != 0 { reset(isPowerCycle: false) }
        case .featuresFlowCache:
            // What the build has cannot be written.
            registers[place: place] = value & 1 << 4 | registers.cells[place].reset & 15
            missesGoToProcessor = value & 1 << 4 != 0
        case .featuresSixTree:
            sixTreeEnabled = value & 3 == 3
            uplinks = UInt16(truncatingIfNeeded: value >> 16)
        case .mdioWrite: phys.command(value)
        case .portEnable: enabledPorts = value
        case .portSpeed: speeds = value
        case .pause: pausePorts = value
        case .ownAddressLow: ownAddress = ownAddress & ~0xffff_ffff | UInt64(value)
        case .ownAddressHigh: ownAddress = ownAddress & 0xffff_ffff | UInt64(value & 0xffff) << 32
        case .sixTreeLow: (sixTree.low, sixTreeConfigured) = (value, true)
        case .sixTreeHigh: (sixTree.high, sixTreeConfigured) = (value & 0xff_ffff, true)
        case .sixTreeSource: sixTree.sourcePointer = Int(value & 15)
        case .sixTreeDestination: sixTree.destinationPointer = Int(value & 15)
        case .offsetLow: clock.pendingOffsetLow = value
        case .offsetHigh: clock.offset = UInt64(value) << 32 | UInt64(clock.pendingOffsetLow)
        case .rate: clock.setRate(value, at: time)
        case .defaultFlow(let port): defaultFlow[port] = Int(value & 0x3ff)
        case .switchCommon(let datapath): switchEnabled[datapath] = value & 1 != 0
        case .switchAgeing: ethernetSwitch.ageing = value
        case .cacheEnable: cacheEnable = FlowCache.Enable(rawValue: value & 7)
        case .vlanInt(let port): portVLAN[port] = UInt16(truncatingIfNeeded: value)
        case .resourceLimit(let flow): trafficManager.limits[flow] = value
        case .replication(let flow): trafficManager.replication[flow] = value
        case .interruptStatus: registers[place: place] = interruptStatusAfterClearing(value)
        case .interruptSet: interruptMask |= value & CardCore.interruptBits
        case .interruptClear: interruptMask &= ~value
        case .localReset: writeLocalReset(value)
        default: break
        }
    }
}
