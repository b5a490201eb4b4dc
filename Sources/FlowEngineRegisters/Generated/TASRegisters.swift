// SPDX-License-Identifier: Apache-2.0
// DO NOT EDIT: made by tools/generate-registers from fpga-regs/blocks/tas.rdl.

/// TAS: Time-aware shaper of a port.
public struct TASBlock: Sendable {
    /// Gates of the queues, a bit each, set if open.
    public let gclGates: RegisterArray<TASGates, ReadWrite>
    /// How long an entry of the gate control list lasts.
    public let gclTimes: RegisterArray<TASInterval, ReadWrite>
    /// Entries of the gate control list.
    public let adminGCLLength: Register<TASLength, ReadWrite>
    /// When the schedule to be begins.
    public let adminBaseTime: Register<TASTime, ReadWrite>
    /// Cycle of the schedule to be.
    public let adminCycleTime: Register<TASTime, ReadWrite>
    /// By how much the last cycle may be longer.
    public let adminCycleTimeExtension: Register<TASTime, ReadWrite>
    /// When the schedule to be takes over.
    public let configChangeTime: Register<TASTimeNow, ReadOnly>
    /// When the cycle began. Access is not public.
    public let cycleStartTime: Register<TASCycleStart, ReadOnly>
    /// Switches the gates on.
    public let gateEnable: Register<TASSwitch, ReadWrite>
    /// Asks for the change to the schedule to be.
    public let configChange: Register<TASSwitch, ReadWrite>
    /// A change waits for its time.
    public let configPending: Register<TASFlag, ReadOnly>
    /// The change was made.
    public let configChangeAck: Register<TASFlag, ReadOnly>
    /// Entries of the gate control list in use.
    public let operGCLLength: Register<TASLengthNow, ReadOnly>
    /// When the schedule in use began.
    public let operBaseTime: Register<TASTimeNow, ReadOnly>
    /// Cycle of the schedule in use.
    public let operCycleTime: Register<TASTimeNow, ReadOnly>
    /// Extension of the schedule in use.
    public let operCycleTimeExtension: Register<TASTimeNow, ReadOnly>
    /// Gates while there is no schedule.
    public let adminGateStates: Register<TASGates, ReadWrite>
    /// Gates of the queues now, a bit each, set if open.
    public let operGateStates: Register<TASGatesNow, ReadOnly>
    /// Changes that failed since the last read.
    public let configChangeError: Register<TASConfigChangeError, ClearOnRead>
    /// Step of the shaper's time; 5 ns by default. Access is not public.
    public let tickGranularity: Register<TASTickGranularity, ReadOnly>
    /// Periods of the trigger generator. Not in every revision of the map.
    public let triggerEn: Register<TASTrigger, WriteOnly>?
    /// Periods of the trigger generator. Not in every revision of the map.
    public let triggerCnt: Register<TASTrigger, WriteOnly>?

    init(rev7 base: UInt32) {
        gclGates = RegisterArray(base + 0x0, stride: 4, count: 128)
        gclTimes = RegisterArray(base + 0x200, stride: 4, count: 128)
        adminGCLLength = Register(base + 0x400)
        adminBaseTime = Register(base + 0x404)
        adminCycleTime = Register(base + 0x408)
        adminCycleTimeExtension = Register(base + 0x40c)
        configChangeTime = Register(base + 0x410)
        cycleStartTime = Register(base + 0x414)
        gateEnable = Register(base + 0x418)
        configChange = Register(base + 0x41c)
        configPending = Register(base + 0x420)
        configChangeAck = Register(base + 0x424)
        operGCLLength = Register(base + 0x428)
        operBaseTime = Register(base + 0x42c)
        operCycleTime = Register(base + 0x430)
        operCycleTimeExtension = Register(base + 0x434)
        adminGateStates = Register(base + 0x438)
        operGateStates = Register(base + 0x43c)
        configChangeError = Register(base + 0x440)
        tickGranularity = Register(base + 0x444)
        triggerEn = nil
        triggerCnt = nil
    }

    init(rev17 base: UInt32) {
        gclGates = RegisterArray(base + 0x0, stride: 4, count: 128)
        gclTimes = RegisterArray(base + 0x200, stride: 4, count: 128)
        adminGCLLength = Register(base + 0x400)
        adminBaseTime = Register(base + 0x404)
        adminCycleTime = Register(base + 0x408)
        adminCycleTimeExtension = Register(base + 0x40c)
        configChangeTime = Register(base + 0x410)
        cycleStartTime = Register(base + 0x414)
        gateEnable = Register(base + 0x418)
        configChange = Register(base + 0x41c)
        configPending = Register(base + 0x420)
        configChangeAck = Register(base + 0x424)
        operGCLLength = Register(base + 0x428)
        operBaseTime = Register(base + 0x42c)
        operCycleTime = Register(base + 0x430)
        operCycleTimeExtension = Register(base + 0x434)
        adminGateStates = Register(base + 0x438)
        operGateStates = Register(base + 0x43c)
        configChangeError = Register(base + 0x440)
        tickGranularity = Register(base + 0x444)
        triggerEn = Register(base + 0x450)
        triggerCnt = Register(base + 0x454)
    }

    func list(_ block: String, in list: inout RegisterList) {
        list.add(block, "GCL_GATES", gclGates)
        list.add(block, "GCL_TIMES", gclTimes)
        list.add(block, "ADMIN_GCL_LENGTH", adminGCLLength)
        list.add(
            block, "ADMIN_BASE_TIME", adminBaseTime,
            "When the schedule to be begins.")
        list.add(
            block, "ADMIN_CYCLE_TIME", adminCycleTime,
            "Cycle of the schedule to be.")
        list.add(
            block, "ADMIN_CYCLE_TIME_EXTENSION", adminCycleTimeExtension,
            "By how much the last cycle may be longer.")
        list.add(
            block, "CONFIG_CHANGE_TIME", configChangeTime,
            "When the schedule to be takes over.")
        list.add(block, "CYCLE_START_TIME", cycleStartTime)
        list.add(
            block, "GATE_ENABLE", gateEnable,
            "Switches the gates on.")
        list.add(
            block, "CONFIG_CHANGE", configChange,
            "Asks for the change to the schedule to be.")
        list.add(
            block, "CONFIG_PENDING", configPending,
            "A change waits for its time.")
        list.add(
            block, "CONFIG_CHANGE_ACK", configChangeAck,
            "The change was made.")
        list.add(block, "OPER_GCL_LENGTH", operGCLLength)
        list.add(
            block, "OPER_BASE_TIME", operBaseTime,
            "When the schedule in use began.")
        list.add(
            block, "OPER_CYCLE_TIME", operCycleTime,
            "Cycle of the schedule in use.")
        list.add(
            block, "OPER_CYCLE_TIME_EXTENSION", operCycleTimeExtension,
            "Extension of the schedule in use.")
        list.add(
            block, "ADMIN_GATE_STATES", adminGateStates,
            "Gates while there is no schedule.")
        list.add(block, "OPER_GATE_STATES", operGateStates)
        list.add(block, "CONFIG_CHANGE_ERROR", configChangeError)
        list.add(block, "TICK_GRANULARITY", tickGranularity)
        list.add(block, "TRIGGER_EN", triggerEn)
        list.add(block, "TRIGGER_CNT", triggerCnt)
    }
}

/// gate states: Gates of the queues, a bit each, set if open.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct TASGates: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// The gate of the queue is open.
    public subscript(queue index: Int) -> Bool {
        get { rawValue[checked(index, 8)] }
        set { rawValue[checked(index, 8)] = newValue }
    }

    public static let about = RegisterAbout(
        "Gates of the queues, a bit each, set if open.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [
            .init("queue0", 0, 1, "The gate of the queue is open."),
            .init("queue1", 1, 1, "The gate of the queue is open."),
            .init("queue2", 2, 1, "The gate of the queue is open."),
            .init("queue3", 3, 1, "The gate of the queue is open."),
            .init("queue4", 4, 1, "The gate of the queue is open."),
            .init("queue5", 5, 1, "The gate of the queue is open."),
            .init("queue6", 6, 1, "The gate of the queue is open."),
            .init("queue7", 7, 1, "The gate of the queue is open."),
        ])
}

/// interval: How long an entry of the gate control list lasts.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct TASInterval: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// In nanoseconds.
    public var nanoseconds: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "How long an entry of the gate control list lasts.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// ADMIN_CONTROL_LIST_LENGTH: Entries of the gate control list.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct TASLength: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var entries: UInt8 {
        get { UInt8(truncatingIfNeeded: rawValue[0, 7]) }
        set { rawValue[0, 7] = UInt32(newValue) }
    }

    public static let about = RegisterAbout(
        "Entries of the gate control list.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("entries", 0, 7, "")])
}

/// time: A time of the schedule to be.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct TASTime: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// In nanoseconds.
    public var nanoseconds: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "A time of the schedule to be.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// time: A time of the schedule in use.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct TASTimeNow: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// In nanoseconds.
    public var nanoseconds: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "A time of the schedule in use.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// CYCLE_START_TIME: When the cycle began. Access is not public.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct TASCycleStart: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// In nanoseconds.
    public var nanoseconds: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "When the cycle began. Access is not public.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: false, reset: nil,
        [.init("value", 0, 32, "")])
}

/// switch: A switch of the shaper.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct TASSwitch: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// On.
    public var on: Bool {
        get { rawValue[0] }
        set { rawValue[0] = newValue }
    }

    public static let about = RegisterAbout(
        "A switch of the shaper.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("on", 0, 1, "On.")])
}

/// flag: A flag of the shaper.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct TASFlag: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// Set.
    public var on: Bool {
        get { rawValue[0] }
        set { rawValue[0] = newValue }
    }

    public static let about = RegisterAbout(
        "A flag of the shaper.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("on", 0, 1, "Set.")])
}

/// OPER_CONTROL_LIST_LENGTH: Entries of the gate control list in use.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct TASLengthNow: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var entries: UInt8 {
        get { UInt8(truncatingIfNeeded: rawValue[0, 7]) }
        set { rawValue[0, 7] = UInt32(newValue) }
    }

    public static let about = RegisterAbout(
        "Entries of the gate control list in use.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("entries", 0, 7, "")])
}

/// OPER_GATE_STATES: Gates of the queues now, a bit each, set if open.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct TASGatesNow: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// The gate of the queue is open.
    public subscript(queue index: Int) -> Bool {
        get { rawValue[checked(index, 8)] }
        set { rawValue[checked(index, 8)] = newValue }
    }

    public static let about = RegisterAbout(
        "Gates of the queues now, a bit each, set if open.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [
            .init("queue0", 0, 1, "The gate of the queue is open."),
            .init("queue1", 1, 1, "The gate of the queue is open."),
            .init("queue2", 2, 1, "The gate of the queue is open."),
            .init("queue3", 3, 1, "The gate of the queue is open."),
            .init("queue4", 4, 1, "The gate of the queue is open."),
            .init("queue5", 5, 1, "The gate of the queue is open."),
            .init("queue6", 6, 1, "The gate of the queue is open."),
            .init("queue7", 7, 1, "The gate of the queue is open."),
        ])
}

/// CONFIG_CHANGE_ERROR: Changes that failed since the last read.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct TASConfigChangeError: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var count: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Changes that failed since the last read.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}

/// TICK_GRANULARITY: Step of the shaper's time; 5 ns by default. Access is not public.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct TASTickGranularity: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    /// In nanoseconds.
    public var nanoseconds: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Step of the shaper's time; 5 ns by default. Access is not public.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: false, reset: 0x5,
        [.init("value", 0, 32, "")])
}

/// trigger: Periods of the trigger generator.
///
/// Source: InnoRoute/RT-HAT-FPGA HAT configurations.
public struct TASTrigger: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "Periods of the trigger generator.",
        source: "InnoRoute/RT-HAT-FPGA HAT configurations", accessIsPublic: true, reset: nil,
        [.init("value", 0, 32, "")])
}
