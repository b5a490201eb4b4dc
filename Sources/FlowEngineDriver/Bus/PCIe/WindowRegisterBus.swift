// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// The registers of a card that the processor reaches as memory: BAR1 of a TrustNode (`PCIeRegisterBus`).
///
/// Writes are posted: the processor does not wait for them. After the accesses of a batch, BM MMI_STATUS is read, which the
/// card clears as it is read; this read also pushes every write before it through to the card, so that nothing is under way
/// when `transfer` returns.
///
/// What that makes certain:
/// - Its four error bits are clear: every access was carried out, and what a read gave is the register's value.
///   `0xEEEEEEEE` is believed of the scratch register alone (`RegisterAccess.isLateWithoutTrace`).
/// - They are not: something in this batch was refused or timed out. Accesses before the first that the bits can be about
///   are known to be good. BM keeps an address; if it is one of the batch's, that access is named.
/// - It reads `0xFFFFFFFF`, and so does the map revision: the card is gone, or its link is down. Of the batch nothing is
///   known.
///
/// What stays open: a link that goes down and comes back within one batch may give `0xFFFFFFFF` for a read in between.
public final class WindowRegisterBus<Window: RegisterWindow & ~Copyable>: RegisterBus {
    public let name: String
    private let window: Window
    /// MMI_STATUS may hold what happened before.
    private var hasOldErrors = true

    public init(_ window: consuming Window, name: String) {
        self.name = name
        self.window = window
    }

    public func transfer(_ accesses: inout [RegisterAccess]) throws(BusError) {
        let limit = min(RegisterAddress.limit, UInt32(clamping: window.size))
        try accesses.check(below: limit, reach: "the BAR, which has 0x\(String(limit, radix: 16)) bytes", bus: name)
        guard !accesses.isEmpty else { return }
        window.begin()
        if hasOldErrors {
            _ = window.load(BusRegisters.busStatus)
            hasOldErrors = false
        }
        var status: BusStatus = []
        for index in accesses.indices {
            let address = accesses[index].address
            switch accesses[index].kind {
            case .write: window.store(address, accesses[index].value)
            case .read:
                let value = window.load(address)
                accesses[index].value = value
                // Who reads MMI_STATUS in a batch takes the errors before it away from the read at the end.
                if address == BusRegisters.busStatus { status.formUnion(BusStatus(rawValue: value).intersection(.all)) }
            }
        }
        let last = window.load(BusRegisters.busStatus)
        if let failure = window.failure {
            hasOldErrors = true
            throw BusError(.peer(failure), bus: name)
        }
        if last == BusError.absentPattern, window.load(BusRegisters.mapRevision) == BusError.absentPattern {
            hasOldErrors = true
            throw BusError(.noCard, bus: name)
        }
        status.formUnion(BusStatus(rawValue: last).intersection(.all))
        if !status.isEmpty { throw fault(status, accesses) }
        if let late = accesses.firstIndex(where: \.isLateWithoutTrace) {
            throw BusError(.timedOut, bus: name, access: accesses[late], completed: late)
        }
    }

    private func fault(_ status: BusStatus, _ accesses: [RegisterAccess]) -> BusError {
        let suspects = accesses.indices.filter { status.canConcern(accesses[$0]) }
        let places = status.places.map { RegisterAddress(rawValue: window.load($0)) }
        let named = suspects.first { places.contains(accesses[$0].address) }
        let culprit = named ?? (suspects.count == 1 ? suspects[0] : nil)
        // Reading where it was may itself have failed, which is not the next batch's fault.
        hasOldErrors = true
        let cause: BusError.Cause =
            status.isSubset(of: .timeouts)
            ? .timedOut
            : .refused(
                status: status.rawValue, meaning: status.meaning + (named == nil ? places.map { "BM names \($0)" } : [])
            )
        return BusError(
            cause, bus: name, access: culprit.map { accesses[$0] }, completed: suspects.first ?? 0)
    }
}
