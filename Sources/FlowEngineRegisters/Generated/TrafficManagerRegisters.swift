// SPDX-License-Identifier: Apache-2.0
// DO NOT EDIT: made by tools/generate-registers from fpga-regs/blocks/traffic_manager.rdl.

/// Traffic manager: Packet buffer and queues.
public struct TrafficManagerBlock: Sendable {
    /// How much of the packet buffer a flow may hold, in segments of 64 bytes of frame without its checksum.
    public let resourceLimit: RegisterArray<TrafficManagerResourceLimit, WriteOnly>
    /// Packets of a flow dropped since the last read.
    public let dropCnt: RegisterArray<TrafficManagerDropCnt, ClearOnRead>
    /// Thresholds of the queues.
    public let queueThresFull: Register<TrafficManagerQueueThresFull, WriteOnly>
    /// Ports a flow is sent to, overriding the action's port if it is not 0. Its width is not public. Not in every
    /// revision of the map.
    public let replicationBitmap: RegisterArray<TrafficManagerReplicationBitmap, WriteOnly>?
    /// Whether there is buffer for each pair of datapaths.
    public let rxBufAvail: Register<TrafficManagerRXBufAvail, ReadOnly>
    /// Pointers of the buffer in use; marked as unused in public.
    public let ptrCnt: Register<TrafficManagerPtrCnt, ReadOnly>
    /// Drops packets that waited for a second.
    public let enMaxTransitDelay: Register<TrafficManagerEnMaxTransitDelay, WriteOnly>
    /// Signals of the traffic manager since the last read.
    public let dbg: Register<TrafficManagerReasons, ClearOnRead>
    /// Reasons of drops since the last read. Not in every revision of the map.
    public let qmDropRsn: Register<TrafficManagerReasons, ClearOnRead>?
    /// Reasons of refused sending since the last read. Not in every revision of the map.
    public let qmTXRej: Register<TrafficManagerReasons, ClearOnRead>?

    init(rev7 base: UInt32) {
        resourceLimit = RegisterArray(base + 0x0, stride: 4, count: 512)
        dropCnt = RegisterArray(base + 0x800, stride: 4, count: 512)
        queueThresFull = Register(base + 0x1000)
        replicationBitmap = nil
        rxBufAvail = Register(base + 0x1004)
        ptrCnt = Register(base + 0x1008)
        enMaxTransitDelay = Register(base + 0x100c)
        dbg = Register(base + 0x1010)
        qmDropRsn = nil
        qmTXRej = nil
    }

    init(rev17 base: UInt32) {
        resourceLimit = RegisterArray(base + 0x0, stride: 4, count: 512)
        dropCnt = RegisterArray(base + 0x800, stride: 4, count: 512)
        queueThresFull = Register(base + 0x1100)
        replicationBitmap = RegisterArray(base + 0x1000, stride: 4, count: 64)
        rxBufAvail = Register(base + 0x1104)
        ptrCnt = Register(base + 0x1108)
        enMaxTransitDelay = Register(base + 0x110c)
        dbg = Register(base + 0x1118)
        qmDropRsn = Register(base + 0x1110)
        qmTXRej = Register(base + 0x1114)
    }

    func list(_ block: String, in list: inout RegisterList) {
        list.add(block, "RESOURCE_LIMIT", resourceLimit)
        list.add(block, "DROP_CNT", dropCnt)
        list.add(block, "QUEUE_THRES_FULL", queueThresFull)
        list.add(block, "REPLICATION_BITMAP", replicationBitmap)
        list.add(block, "RX_BUF_AVAIL", rxBufAvail)
        list.add(block, "PTR_CNT", ptrCnt)
        list.add(block, "EN_MAX_TRANSIT_DELAY", enMaxTransitDelay)
        list.add(
            block, "DBG", dbg,
            "Signals of the traffic manager since the last read.")
        list.add(
            block, "QM_DROP_RSN", qmDropRsn,
            "Reasons of drops since the last read.")
        list.add(
            block, "QM_TX_REJ", qmTXRej,
            "Reasons of refused sending since the last read.")
    }
}

/// Traffic manager, debug: A look into the traffic manager.
public struct TrafficManagerDebugBlock: Sendable {
    /// What a buffer holds.
    public let bufferMap: RegisterArray<TrafficManagerBufferWord, ReadOnly>
    /// For looking into the traffic manager. What a bit stands for is not public.
    public let cntBuf: RegisterArray<TrafficManagerDebugWord, ReadOnly>
    /// For looking into the traffic manager. What a bit stands for is not public.
    public let cntBad: RegisterArray<TrafficManagerDebugWord, ReadOnly>
    /// For looking into the traffic manager. What a bit stands for is not public.
    public let cntQue: RegisterArray<TrafficManagerDebugWord, ReadOnly>
    /// For looking into the traffic manager. What a bit stands for is not public.
    public let qm0Error: RegisterArray<TrafficManagerDebugWord, ReadOnly>
    /// For looking into the traffic manager. What a bit stands for is not public.
    public let qm1Error: RegisterArray<TrafficManagerDebugWord, ReadOnly>

    init(_ base: UInt32) {
        bufferMap = RegisterArray(base + 0x0, stride: 4, count: 3072)
        cntBuf = RegisterArray(base + 0x3000, stride: 4, count: 2)
        cntBad = RegisterArray(base + 0x3008, stride: 4, count: 2)
        cntQue = RegisterArray(base + 0x3010, stride: 4, count: 2)
        qm0Error = RegisterArray(base + 0x3020, stride: 4, count: 4)
        qm1Error = RegisterArray(base + 0x3030, stride: 4, count: 4)
    }

    func list(_ block: String, in list: inout RegisterList) {
        list.add(block, "BUFFER_MAP", bufferMap)
        list.add(block, "CNT_BUF", cntBuf)
        list.add(block, "CNT_BAD", cntBad)
        list.add(block, "CNT_QUE", cntQue)
        list.add(block, "QM0_ERROR", qm0Error)
        list.add(block, "QM1_ERROR", qm1Error)
    }
}

/// RESOURCE_LIMIT: How much of the packet buffer a flow may hold, in segments of 64 bytes of frame without its
/// checksum.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct TrafficManagerResourceLimit: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Segments of 64 bytes.
    public var segments: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    /// segments * 64
    public var bytes: Int { Int(segments) * 64 }

    /// nil if the register cannot say this many bytes.
    public init?(bytes: Int) {
        guard bytes % 64 == 0, let raw = UInt32(exactly: bytes / 64) else { return nil }
        self.init(rawValue: raw)
    }

    public static let about = RegisterAbout(
        "How much of the packet buffer a flow may hold, in segments of 64 bytes of frame without its "
            + "checksum.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("segments", 0, 32, "Segments of 64 bytes.")])
}

/// DROP_CNT: Packets of a flow dropped since the last read.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct TrafficManagerDropCnt: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var count: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Packets of a flow dropped since the last read.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// QUEUE_THRES_FULL: Thresholds of the queues.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct TrafficManagerQueueThresFull: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Thresholds of the queues.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// RX_BUF_AVAIL: Whether there is buffer for each pair of datapaths.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct TrafficManagerRXBufAvail: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Whether there is buffer for each pair of datapaths.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// PTR_CNT: Pointers of the buffer in use; marked as unused in public.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct TrafficManagerPtrCnt: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var count: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Pointers of the buffer in use; marked as unused in public.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// EN_MAX_TRANSIT_DELAY: Drops packets that waited for a second.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct TrafficManagerEnMaxTransitDelay: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Enabled.
    public var enabled: Bool {
        get { rawValue[0] }
        set { rawValue[0] = newValue }
    }

    public static let about = RegisterAbout(
        "Drops packets that waited for a second.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("enabled", 0, 1, "Enabled.")])
}

/// reasons: Reasons since the last read. What a bit stands for is not public.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct TrafficManagerReasons: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Reasons since the last read. What a bit stands for is not public.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// buffer word: What a buffer holds.
///
/// Source: InnoRoute/packages tn_env.h.
public struct TrafficManagerBufferWord: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Queue.
    public var queue: UInt8 {
        get { UInt8(truncatingIfNeeded: rawValue[0, 5]) }
        set { rawValue[0, 5] = UInt32(newValue) }
    }

    /// Port it goes out at.
    public var outPort: UInt8 {
        get { UInt8(truncatingIfNeeded: rawValue[5, 5]) }
        set { rawValue[5, 5] = UInt32(newValue) }
    }

    /// It holds something.
    public var valid: Bool {
        get { rawValue[10] }
        set { rawValue[10] = newValue }
    }

    public static let about = RegisterAbout(
        "What a buffer holds.",
        source: "InnoRoute/packages tn_env.h", accessIsPublic: false, reset: nil,
        [
            .init("queue", 0, 5, "Queue."),
            .init("out_port", 5, 5, "Port it goes out at."),
            .init("valid", 10, 1, "It holds something."),
        ])
}

/// debug word: For looking into the traffic manager. What a bit stands for is not public.
///
/// Source: InnoRoute/linux tn_env.h.
public struct TrafficManagerDebugWord: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "For looking into the traffic manager. What a bit stands for is not public.",
        source: "InnoRoute/linux tn_env.h", accessIsPublic: false, reset: nil,
        [.init("value", 0, 32, "")])
}

/// REPLICATION_BITMAP: Ports a flow is sent to, overriding the action's port if it is not 0. Its width is not public.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct TrafficManagerReplicationBitmap: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var ports: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Ports a flow is sent to, overriding the action's port if it is not 0. Its width is not public.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("ports", 0, 32, "")])
}
