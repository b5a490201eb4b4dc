// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// Registers that do more than hold a word.
enum Behaviour: Hashable, Sendable {
    // BM
    case busStatus, busAccesses
    // COMMON
    case systemReset, featuresFlowCache, featuresSixTree, temperature
    // MDIO
    case mdioWrite, mdioRead
    // NET
    case portEnable, portSpeed, pause, ownAddressLow, ownAddressHigh
    case sixTreeLow, sixTreeHigh, sixTreeSource, sixTreeDestination
    case confirmationTimeHigh(port: Int)
    // RTC
    case bridgeLow, offsetLow, offsetHigh, rate
    // Header creation
    case defaultFlow(port: Int)
    // Ethernet switch
    case switchCommon(datapath: Int), switchAgeing
    case switchFrames, switchLearned, switchAgedOut, switchFloodUnknown, switchFloodFull
    // Flow cache
    case cacheEnable, vlanInt(port: Int)
    // Traffic manager
    case resourceLimit(flow: Int), replication(flow: Int), pointerCount
    // SPI local
    case localTemperature, interruptPending, interruptStatus, interruptSet, interruptClear, localReset
}

extension CardCore {
    /// Reset values of the build, and which registers have a behaviour. Called once.
    mutating func prepareRegisters() {
        let (common, net, bm) = (map.common, map.net, map.bm)
        setBuildValues(common)
        set(bm.mmiStatus.address, .busStatus)
        set(bm.mmiAccesses.address, .busAccesses)
        set(common.sysReset.address, .systemReset)
        set(common.featuresFlowcache.address, .featuresFlowCache)
        set(common.features6Tree?.address, .featuresSixTree)
        set(common.fpgaTemp.address, .temperature)
        set(map.mdio.write.address, .mdioWrite)
        set(map.mdio.read.address, .mdioRead)
        set(net.enable.address, .portEnable)
        set(net.speed.address, .portSpeed)
        set(net.pause.address, .pause)
        set(net.ownMACAddrL.address, .ownAddressLow)
        set(net.ownMACAddrH.address, .ownAddressHigh)
        set(net.sixTreeAddrL.address, .sixTreeLow)
        set(net.sixTreeAddrH.address, .sixTreeHigh)
        set(net.sixTreeSrcPtr.address, .sixTreeSource)
        set(net.sixTreeDstPtr.address, .sixTreeDestination)
        for (port, entry) in net.txConf.enumerated() {
            set(entry.timeHigh.address, .confirmationTimeHigh(port: port))
        }
        set(map.rtc.bridgeLow.address, .bridgeLow)
        set(map.rtc.ctrldOffsetLow.address, .offsetLow)
        set(map.rtc.ctrldOffsetHigh.address, .offsetHigh)
        set(map.rtc.ctrldRate.address, .rate)
        for (port, block) in map.headerCreation.enumerated() {
            set(block.defaultFlowid.address, .defaultFlow(port: port))
        }
        for (datapath, block) in map.ethernetSwitch.prefix(configuration.datapathCount).enumerated() {
            set(block.common.address, .switchCommon(datapath: datapath))
            set(block.ageing.address, .switchAgeing)
            set(block.numSOF.address, .switchFrames)
            set(block.numLearned.address, .switchLearned)
            set(block.numAgedOut.address, .switchAgedOut)
            set(block.numFloodUnknown.address, .switchFloodUnknown)
            set(block.numFloodFull.address, .switchFloodFull)
        }
        set(map.flowCache.enable.address, .cacheEnable)
        if let array = map.flowCache.vlanInt {
            for port in 0..<array.count { set(array[port].address, .vlanInt(port: port)) }
        }
        let manager = map.trafficManager
        for flow in 0..<manager.resourceLimit.count {
            set(manager.resourceLimit[flow].address, .resourceLimit(flow: flow))
        }
        if let array = manager.replicationBitmap {
            for flow in 0..<array.count { set(array[flow].address, .replication(flow: flow)) }
        }
        set(manager.ptrCnt.address, .pointerCount)
        prepareLocalRegisters()
    }

    /// 2 March 2020, 00:00:00: day [31:27], month [26:23], year [22:17].
    private static let bitgenTime: UInt32 = 2 << 27 | 3 << 23 | 20 << 17

    private mutating func set(_ address: RegisterAddress?, _ behaviour: Behaviour) {
        if let address { registers.setBehaviour(address, behaviour) }
    }

    private mutating func setBuildValues(_ common: CommonBlock) {
        let features = configuration.features
        func flag(_ feature: CardConfiguration.Features, _ bit: UInt32) -> UInt32 {
            features.contains(feature) ? 1 << bit : 0
        }
        let ports: UInt32 = (1 << UInt32(configuration.portCount)) - 1
        var drawn = SeededGenerator(seed: configuration.seed)
        let identity = drawn.next()
        let values: [(RegisterAddress, UInt32)] = [
            (common.addrMapRev.address, UInt32(configuration.mapRevision)),
            (common.bitgenTime.address, CardCore.bitgenTime),
            (common.fpgaID0.address, UInt32(truncatingIfNeeded: identity)),
            (common.fpgaID1.address, UInt32(truncatingIfNeeded: identity >> 32)),
            (common.featuresTrafficManager.address, flag(.timeAwareShaper, 0) | (ports & 0xff) << 16),
            (common.featuresEthernetSwitch.address, flag(.ethernetSwitch, 0)),
            (common.featuresTXRouter.address, flag(.txRouter, 0)),
            (common.featuresNET.address, 1 << 1),
            (common.featuresUser.address, flag(.timeAwareShaper, 0) | 0b1110 | (ports & 0xff) << 16),
            (common.paramPrtCnt.address, UInt32(configuration.portCount)),
            (common.paramDPCnt.address, UInt32(configuration.datapathCount)),
            (common.paramBufCnt.address, UInt32(configuration.variants.bufferSegments)),
            (common.paramRXMin.address, UInt32(configuration.minimumFrame)),
            (common.paramRXMax.address, UInt32(configuration.maximumFrame)),
            (common.widthEthernetSwitch.address, CardCore.switchWidth),
            (map.flowCache.hashID.address, UInt32(configuration.hashRevision)),
            (map.net.speed.address, CardCore.gigabitOnAllPorts),
        ]
        for (address, value) in values { registers.setReset(address, value) }
        let cache =
            flag(.flowCache, 0) | flag(.exactMatch, 1) | flag(.linearSearch, 2) | flag(.maskedMatch, 3)
        registers.setReset(common.featuresFlowcache.address, features.contains(.flowCache) ? cache : 0)
        if let sixTree = common.features6Tree {
            registers.setReset(sixTree.address, flag(.sixTree, 0) | UInt32(configuration.uplinkPorts) << 16)
        }
    }

    private mutating func prepareLocalRegisters() {
        guard let local = map.spiLocal, configuration.profile == .realTimeHAT else { return }
        var drawn = SeededGenerator(seed: configuration.seed)
        let identity = drawn.next()
        registers.setReset(local.fpgaID0.address, UInt32(truncatingIfNeeded: identity))
        registers.setReset(local.fpgaID1.address, UInt32(truncatingIfNeeded: identity >> 32))
        registers.setReset(local.bitgenTime.address, CardCore.bitgenTime)
        registers.setReset(local.fpgaRev.address, UInt32(configuration.mapRevision & 0xff) << 16)
        let licence = configuration.licenceWord ?? UInt32(configuration.licensed.rawValue)
        registers.setReset(local.license.address, licence << 8)
        set(local.fpgaTemp.address, .localTemperature)
        set(local.intPending.address, .interruptPending)
        set(local.intStatus.address, .interruptStatus)
        set(local.intSetEn.address, .interruptSet)
        set(local.intClrEn.address, .interruptClear)
        set(local.reset.address, .localReset)
    }
}
