// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// Where counters are in the register file.
struct StatisticsPlaces: Sendable {
    struct Direction: Sendable {
        var badReason: Int?
        var processorReason: Int?
        var packets: Int?
        var goodFlow: Int?
        var goodPort: Int?

        init(_ block: StatisticsBlock, _ registers: RegisterFile) {
            badReason = registers.place(block.badrsn.base)
            processorReason = block.procrsn.flatMap { registers.place($0.base) }
            packets = registers.place(block.pktCnt.base)
            goodFlow = registers.place(block.goodFlowid.base)
            goodPort = registers.place(block.goodPrt.base)
        }
    }

    /// By datapath.
    let rx: [Direction]
    let tx: [Direction]
    /// CNT_BAD_FRAMES by port.
    let badFrames: [Int?]
    /// DROP_CNT of flow 0.
    let drops: Int?

    init(_ map: FlowEngineMap, _ registers: RegisterFile, datapaths: Int) {
        rx = map.rxStatistics.prefix(datapaths).map { Direction($0, registers) }
        tx = map.txStatistics.prefix(datapaths).map { Direction($0, registers) }
        badFrames = map.headerCreation.map { registers.place($0.cntBadFrames.address) }
        drops = registers.place(map.trafficManager.dropCnt.base)
    }
}
