// SPDX-License-Identifier: Apache-2.0
// DO NOT EDIT: made by tools/generate-registers from fpga-regs/blocks/measurement.rdl.

/// Latency of interrupts: Latencies of interrupts.
public struct MeasInterruptBlock: Sendable {
    /// Latency of receiving. Its unit is not public.
    public let rxLat: Register<MeasLatency, ReadOnly>
    /// Latency of the register bus. Its unit is not public.
    public let mmiLat: Register<MeasLatency, ReadOnly>

    init(_ base: UInt32) {
        rxLat = Register(base + 0x0)
        mmiLat = Register(base + 0x4)
    }

    func list(_ block: String, in list: inout RegisterList) {
        list.add(
            block, "RX_LAT", rxLat,
            "Latency of receiving. Its unit is not public.")
        list.add(
            block, "MMI_LAT", mmiLat,
            "Latency of the register bus. Its unit is not public.")
    }
}

/// Latency between ports: Latency from port to port.
public struct MeasPortsBlock: Sendable {
    /// Latency from port to port. Its unit is not public.
    public let prt2prtLat: Register<MeasLatency, ReadOnly>

    init(_ base: UInt32) {
        prt2prtLat = Register(base + 0x0)
    }

    func list(_ block: String, in list: inout RegisterList) {
        list.add(
            block, "PRT2PRT_LAT", prt2prtLat,
            "Latency from port to port. Its unit is not public.")
    }
}

/// latency: A latency. Its unit is not public.
///
/// Source: InnoRoute/linux tn_env.h.
public struct MeasLatency: DescribedRegister {
    public var rawValue: UInt32
    public init(rawValue: UInt32 = 0) { self.rawValue = rawValue }

    public var value: UInt32 {
        get { rawValue }
        set { rawValue = newValue }
    }

    public static let about = RegisterAbout(
        "A latency. Its unit is not public.",
        source: "InnoRoute/linux tn_env.h", accessIsPublic: false, reset: nil,
        [.init("value", 0, 32, "")])
}
