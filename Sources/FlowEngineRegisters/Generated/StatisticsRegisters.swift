// SPDX-License-Identifier: Apache-2.0
// DO NOT EDIT: made by tools/generate-registers from fpga-regs/blocks/statistics.rdl.

/// Statistics: Packets of a direction and datapath.
public struct StatisticsBlock: Sendable {
    /// Packets dropped since the last read: port x 32 + reason.
    public let badrsn: RegisterArray<StatisticsCounter, ClearOnRead>
    /// Packets since the last read: in + 32 x out.
    public let pktCnt: RegisterArray<StatisticsCounter, ClearOnRead>
    /// Packets processed since the last read: port x 32 + reason. Not in every revision of the map.
    public let procrsn: RegisterArray<StatisticsCounter, ClearOnRead>?
    /// Packets of a flow since the last read; 0 is the default flow.
    public let goodFlowid: RegisterArray<StatisticsCounter, ClearOnRead>
    /// Good packets of a port since the last read.
    public let goodPrt: RegisterArray<StatisticsCounter, ClearOnRead>

    init(rev7 base: UInt32) {
        badrsn = RegisterArray(base + 0x0, stride: 4, count: 1024)
        pktCnt = RegisterArray(base + 0x1000, stride: 4, count: 1024)
        procrsn = nil
        goodFlowid = RegisterArray(base + 0x2000, stride: 4, count: 1024)
        goodPrt = RegisterArray(base + 0x3000, stride: 4, count: 64)
    }

    init(rev16 base: UInt32) {
        badrsn = RegisterArray(base + 0x0, stride: 4, count: 1024)
        pktCnt = RegisterArray(base + 0x2000, stride: 4, count: 1024)
        procrsn = RegisterArray(base + 0x1000, stride: 4, count: 1024)
        goodFlowid = RegisterArray(base + 0x3000, stride: 4, count: 1024)
        goodPrt = RegisterArray(base + 0x4000, stride: 4, count: 64)
    }

    func list(_ block: String, in list: inout RegisterList) {
        list.add(
            block, "BADRSN", badrsn,
            "Packets dropped since the last read: port x 32 + reason.")
        list.add(
            block, "PKT_CNT", pktCnt,
            "Packets since the last read: in + 32 x out.")
        list.add(
            block, "PROCRSN", procrsn,
            "Packets processed since the last read: port x 32 + reason.")
        list.add(
            block, "GOOD_FLOWID", goodFlowid,
            "Packets of a flow since the last read; 0 is the default flow.")
        list.add(
            block, "GOOD_PRT", goodPrt,
            "Good packets of a port since the last read.")
    }
}

/// Statistics, port selection: Port selection.
public struct StatisticsSelectBlock: Sendable {
    /// What it holds is not public.
    public let prtSel: Register<StatisticsWord, ReadOnly>

    init(_ base: UInt32) {
        prtSel = Register(base + 0x0)
    }

    func list(_ block: String, in list: inout RegisterList) {
        list.add(block, "PRT_SEL", prtSel)
    }
}

/// Statistics of a datapath: Counter of a datapath.
public struct StatisticsDPBlock: Sendable {
    /// What it holds is not public.
    public let dpCnt: Register<StatisticsWord, ReadOnly>

    init(_ base: UInt32) {
        dpCnt = Register(base + 0x0)
    }

    func list(_ block: String, in list: inout RegisterList) {
        list.add(block, "DP_CNT", dpCnt)
    }
}

/// counter: Packets since the last read.
///
/// Source: InnoRoute/packages TNstatistics.
public struct StatisticsCounter: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var count: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Packets since the last read.",
        source: "InnoRoute/packages TNstatistics", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// word: What it holds is not public.
///
/// Source: InnoRoute/packages tn_env.h.
public struct StatisticsWord: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "What it holds is not public.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [.init("value", 0, 32, "")])
}
