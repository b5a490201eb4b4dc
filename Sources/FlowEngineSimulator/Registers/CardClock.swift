// SPDX-License-Identifier: Apache-2.0

/// BRIDGE and CTRLD of the RTC, in virtual time. Source: HAT configurations, L:hat `realtime.c`.
struct CardClock: Sendable {
    private var began: UInt64 = 0
    private var rateSince: UInt64 = 0
    private var controlledThen: UInt64 = 0
    var offset: UInt64 = 0
    var pendingOffsetLow: UInt32 = 0
    /// [31:24] ns, [23:0] parts of one, added every 5 ns.
    private(set) var rate: UInt32 = 0x0500_0000

    init(at time: UInt64 = 0) { (began, rateSince) = (time, time) }

    func bridge(_ time: UInt64) -> UInt64 { time - began }

    func controlled(_ time: UInt64) -> UInt64 { unshifted(time) &+ offset }

    mutating func setRate(_ rate: UInt32, at time: UInt64) {
        (controlledThen, rateSince) = (unshifted(time), time)
        self.rate = rate
    }

    private func unshifted(_ time: UInt64) -> UInt64 {
        let ticks = (time - rateSince) / 5
        let product = ticks.multipliedFullWidth(by: UInt64(rate))
        return controlledThen &+ (product.high << 40 | product.low >> 24)
    }
}
