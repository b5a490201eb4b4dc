// SPDX-License-Identifier: Apache-2.0

/// Passes accesses on and keeps a list of them: what a driver did, in which order, for tests and `piccolo card --trace`.
public final class TracingBus: RegisterBus {
    private let bus: any RegisterBus
    public private(set) var trace: [RegisterAccess] = []
    /// Batches passed on; a batch is one system call on SPI.
    public private(set) var batches = 0

    public init(_ bus: any RegisterBus) { self.bus = bus }

    public var name: String { bus.name }

    public func transfer(_ accesses: inout [RegisterAccess]) throws(BusError) {
        batches += 1
        do {
            try bus.transfer(&accesses)
        } catch {
            trace += accesses.prefix(error.completed)
            throw error
        }
        trace += accesses
    }

    /// What was recorded since the last time.
    public func takeTrace() -> [RegisterAccess] {
        defer { trace = [] }
        return trace
    }
}
