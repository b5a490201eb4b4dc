// SPDX-License-Identifier: Apache-2.0

/// Bits of a register's word, by place; what the generated types are made of.
extension UInt32 {
    subscript(bit: Int) -> Bool {
        get { self >> UInt32(bit) & 1 != 0 }
        set { self[bit, 1] = newValue ? 1 : 0 }
    }

    /// - Precondition: a new value fits into the field.
    subscript(lowestBit: Int, width: Int) -> UInt32 {
        get { self >> UInt32(lowestBit) & Self.mask(width) }
        set {
            precondition(newValue <= Self.mask(width), "\(newValue) does not fit into a field of \(width) bits")
            self = self & ~(Self.mask(width) << UInt32(lowestBit)) | newValue << UInt32(lowestBit)
        }
    }

    private static func mask(_ width: Int) -> UInt32 { width >= 32 ? .max : (1 << UInt32(width)) - 1 }
}

/// An index into equal fields of a register.
func checked(_ index: Int, _ count: Int) -> Int {
    precondition((0..<count).contains(index), "field \(index) of \(count)")
    return index
}

/// What `fpga-regs/` says of a register, apart from where it is.
public struct RegisterAbout: Sendable {
    public let summary: String
    /// Which public source tells of it.
    public let source: String
    /// Whether its access mode is written in a public source; otherwise it is how the public drivers use it.
    public let accessIsPublic: Bool
    /// nil: not public.
    public let reset: UInt32?
    public let fields: [RegisterDescription.Field]

    init(
        _ summary: String, source: String, accessIsPublic: Bool, reset: UInt32?, _ fields: [RegisterDescription.Field]
    ) {
        (self.summary, self.source, self.accessIsPublic) = (summary, source, accessIsPublic)
        (self.reset, self.fields) = (reset, fields)
    }
}

/// A register value that knows what is written about it.
public protocol DescribedRegister: RegisterValue {
    static var about: RegisterAbout { get }
}

/// Gathers the descriptions of a map's registers.
struct RegisterList {
    private var items: [RegisterDescription] = []

    var sorted: [RegisterDescription] { items.sorted { $0.address < $1.address } }

    mutating func add<Value: DescribedRegister, Access: RegisterMode>(
        _ block: String, _ name: String, _ register: Register<Value, Access>?, _ summary: String = Value.about.summary
    ) {
        guard let register else { return }
        add(block, name, summary, at: register.address, count: 1, stride: 4, Value.about, Access.mode)
    }

    mutating func add<Value: DescribedRegister, Access: RegisterMode>(
        _ block: String, _ name: String, _ array: RegisterArray<Value, Access>?, _ summary: String = Value.about.summary
    ) {
        guard let array else { return }
        add(block, name, summary, at: array.base, count: array.count, stride: array.stride, Value.about, Access.mode)
    }

    private mutating func add(
        _ block: String, _ name: String, _ summary: String, at address: RegisterAddress, count: Int, stride: Int,
        _ about: RegisterAbout, _ mode: AccessMode
    ) {
        items.append(
            RegisterDescription(
                block, name, address.rawValue, count: count, stride: stride, mode,
                accessIsPublic: about.accessIsPublic, reset: about.reset, summary, source: about.source, about.fields))
    }
}

extension Register {
    /// The generated blocks say where their registers are as numbers.
    init(_ address: UInt32) { self.init(RegisterAddress(rawValue: address)) }
}

extension RegisterArray {
    init(_ base: UInt32, stride: Int, count: Int) {
        self.init(RegisterAddress(rawValue: base), stride: stride, count: count)
    }
}

extension EntryTable {
    init(_ name: String, _ base: UInt32, stride: Int, count: Int, words: Int) {
        self.init(name, base: RegisterAddress(rawValue: base), stride: stride, count: count, words: words)
    }
}

extension FlowEngineMap {
    public static func registers(revision: Int) -> [RegisterDescription]? { self.revision(revision)?.registers }

    /// Statistics of received and sent packets, by datapath.
    public var statistics: (rx: [StatisticsBlock], tx: [StatisticsBlock]) { (rxStatistics, txStatistics) }
}

extension StatisticsBlock {
    /// Packets that came in at a port and were dropped for a reason.
    /// - Precondition: `port` and `reason` are in `0..<32`.
    public func badReason(port: Int, reason: Int) -> Register<StatisticsCounter, ClearOnRead> {
        badrsn[checked(port, 32) * 32 + checked(reason, 32)]
    }

    /// Packets that came in at a port and were processed for a reason; nil where the map has no such counters.
    /// - Precondition: `port` and `reason` are in `0..<32`.
    public func processedReason(port: Int, reason: Int) -> Register<StatisticsCounter, ClearOnRead>? {
        procrsn?[checked(port, 32) * 32 + checked(reason, 32)]
    }

    /// Packets from a port to a port: 0-15 physical ones, 16-31 those of the processor.
    /// - Precondition: both are in `0..<32`.
    public func packets(from: Int, to: Int) -> Register<StatisticsCounter, ClearOnRead> {
        pktCnt[checked(from, 32) + checked(to, 32) * 32]
    }
}
