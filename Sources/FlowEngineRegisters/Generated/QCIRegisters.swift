// SPDX-License-Identifier: Apache-2.0
// DO NOT EDIT: made by tools/generate-registers from fpga-regs/blocks/qci.rdl.

/// QCI0: Stream gates.
public struct QCIBlock: Sendable {
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

    init(_ base: UInt32) {
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
        operGCLLength = Register(base + 0x428)
        operBaseTime = Register(base + 0x42c)
        operCycleTime = Register(base + 0x430)
        operCycleTimeExtension = Register(base + 0x434)
        adminGateStates = Register(base + 0x438)
        operGateStates = Register(base + 0x43c)
        configChangeError = Register(base + 0x440)
        tickGranularity = Register(base + 0x444)
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
    }
}
