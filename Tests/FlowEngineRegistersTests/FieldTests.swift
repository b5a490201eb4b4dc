// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import Testing

/// A value with one field changed.
private func word<Value: RegisterValue>(_: Value.Type, _ change: (inout Value) -> Void) -> UInt32 {
    var value = Value(rawValue: 0)
    change(&value)
    return value.rawValue
}

@Suite("What the bits of a register stand for")
struct FieldTests {
    @Test("fields are at the bits of the public sources")
    func places() {
        #expect(word(BMStatus.self) { $0.readTimeout = true } == 1 << 2)
        #expect(word(BMStatus.self) { $0.errors = 4095 } == 0xfff0)
        #expect(word(BMStatus.self) { $0.accesses = 65535 } == 0xffff_0000)
        #expect(word(BMInterrupt.self) { $0[hc: 17] = true } == 1 << 17)
        #expect(word(BMInterrupt.self) { $0.pps = true } == 1 << 25)
        #expect(word(MDIOWrite.self) { ($0.write, $0.phy, $0.data) = (true, 16, 0xbeef) } == 0x0600_beef)
        #expect(word(MDIOWrite.self) { $0.register = 31 } == 0x1f_0000)
        #expect(word(MDIORead.self) { $0.busy = true } == 1 << 31)
        #expect(word(CommonAddrMapRev.self) { $0.timestampFragments = true } == 1 << 31)
        #expect(word(CommonFeatures6Tree.self) { $0.uplinkPorts = 0x8001 } == 0x8001_0000)
        #expect(word(CommonFeaturesFlowcache.self) { $0.defaultToProcessor = true } == 0x10)
        #expect(word(CommonFeaturesACCDP.self) { ($0.accelerators, $0.entries) = (2, 4096) } == 0x1000_0200)
        #expect(word(CommonBufferFull.self) { ($0.full, $0.txReady) = (true, 3) } == 0x0300_0001)
        #expect(word(CommonFPGAAlarm.self) { $0.vbram = true } == 1 << 5)
        #expect(word(SPIIntStatus.self) { $0[txConf: 2] = true } == 1 << 12)
        #expect(word(SPIIntSetEn.self) { ($0[txConf: 0], $0[txConf: 1], $0[txConf: 2]) = (true, true, true) } == 0x1c00)
        #expect(word(SPIAccessError.self) { $0.mmiReadFailed = true } == 1 << 11)
        #expect(word(SPIExtInterrupt.self) { $0.linkPort0 = true } == 1 << 4)
        #expect(word(SPILicense.self) { $0.features = 1 } == 1 << 8)
        #expect(word(NETTap.self) { ($0.ports, $0.tap) = (0xffff, 5) } == 0x0005_ffff)
        #expect(word(NETTXConfID.self) { ($0.id, $0.last) = (7, true) } == 0x1_0007)
        #expect(word(RTCCtrldRate.self) { $0.wholeNanoseconds = 5 } == 0x0500_0000)
        #expect(word(EthernetSwitchBucketFill.self) { $0[bucket: 7] = 9 } == 0x9000_0000)
        #expect(word(TASGates.self) { $0[queue: 7] = true } == 1 << 7)
        #expect(word(TrafficManagerBufferWord.self) { ($0.queue, $0.outPort, $0.valid) = (31, 17, true) } == 0x63f)
        #expect(word(FlowCacheEnable.self) { ($0.emh, $0.linear, $0.ema) = (true, true, true) } == 7)
    }

    static let words: [(PortSpeed, UInt32)] = [(.mbps10, 0x00), (.mbps100, 0x15), (.mbps1000, 0x2a)]

    @Test("the values the vendor's tools write to all ports alike are those of three speeds")
    func speeds() {
        for (speed, expected) in Self.words {
            #expect(word(NETSpeed.self) { ($0[port: 0], $0[port: 1], $0[port: 2]) = (speed, speed, speed) } == expected)
            #expect(NETSpeed(rawValue: expected)[port: 2] == speed)
        }
        #expect(NETSpeed(rawValue: 3)[port: 0] == .undefined(3))
    }

    @Test("writing a field leaves all others as they are")
    func others() {
        var value = NETSpeed(rawValue: .max)
        value[port: 5] = .mbps10
        #expect(value.rawValue == 0xffff_f3ff)
        var alarm = CommonFPGAAlarm(rawValue: 0x3f)
        alarm.userTemperature = false
        #expect(alarm.rawValue == 0x3b)
    }

    @Test("a temperature is in degrees Celsius")
    func temperature() {
        #expect(abs(CommonFPGATemp(rawValue: 2600).celsius - 46.92) < 0.01)
        #expect(SPIFPGATemp(rawValue: 0xf000 | 2219).celsius == 2219 * 504 / 4096.0 - 273)
    }

    @Test("ageing is in seconds: 149 is 300 s")
    func ageing() {
        #expect(EthernetSwitchAgeing(rawValue: 149).seconds == 300)
        #expect(EthernetSwitchAgeing(seconds: 300)?.rawValue == 149)
        #expect(EthernetSwitchAgeing(seconds: 2)?.rawValue == 0)
        for seconds in [301, 0, -2] { #expect(EthernetSwitchAgeing(seconds: seconds) == nil) }
    }

    @Test("a limit of the packet buffer is in bytes, 64 a segment")
    func limit() {
        #expect(TrafficManagerResourceLimit(rawValue: 3).bytes == 192)
        #expect(TrafficManagerResourceLimit(bytes: 6400)?.segments == 100)
        #expect(TrafficManagerResourceLimit(bytes: 65) == nil)
    }

    @Test("the time a bitstream was made is in parts")
    func time() {
        let made = CommonBitgenTime(rawValue: 26 << 27 | 11 << 23 | 26 << 17 | 2 << 12 | 41 << 6 | 59)
        #expect((made.day, made.month, made.year, made.hour, made.minute, made.second) == (26, 11, 26, 2, 41, 59))
    }

    @Test("each field lies in its word, and none over another")
    func inside() {
        for map in FlowEngineMap.revisions {
            for register in map.registers {
                var used: UInt64 = 0
                for field in register.fields {
                    #expect(field.lowestBit + field.width <= 32, "\(register.block).\(register.name).\(field.name)")
                    let bits = ((UInt64(1) << UInt64(field.width)) - 1) << UInt64(field.lowestBit)
                    #expect(used & bits == 0, "\(register.block).\(register.name).\(field.name)")
                    used |= bits
                }
                #expect(!register.summary.isEmpty && !register.source.isEmpty, "\(register.block).\(register.name)")
            }
        }
    }
}
