// SPDX-License-Identifier: Apache-2.0
import BPF
import CFastPath
import CLinux
import Tables

// Another program in the place of the running one, while packets flow.
//
//     beginReplacement    load; move what does not agree; switch every port over; bring along what was counted meanwhile
//     replacementTick     watch, a few times a second, until the window is over or something is wrong; then one of
//     confirmReplacement  the old program, its tables and its pins go
//     revertReplacement   every port is switched back; what the moved tables have counted and learned goes back too
//
// Until it is confirmed the new program is not pinned. A process that ends in between leaves links that run it, and the next start
// takes the set that is pinned, which is the old one, and is whole.
extension XDPDataPlane {
    /// What forwards now.
    public var runningProgram: ProgramDescription { ProgramDescription(fastPath) }

    /// Whether a program with these sizes would be another than the one that runs.
    public func differs(from wanted: XDPConfiguration) -> Bool {
        guard let image = try? wanted.image ?? FastPathImage.embedded.get() else { return false }
        return FastPath.build(of: image.bytes, replacementTarget(wanted)) != fastPath.build
    }

    /// Puts another program in the place of the running one and begins to watch it. Every packet meets one or the other, and none is
    /// lost. Tables stay where both agree on them; the content of others is moved, with what entries have counted.
    ///
    /// - Parameters:
    ///   - wanted: image, sizes, event rate and tracing; the rest stays. nil: as they are, with the program that is part of this one.
    ///   - watching: what the new program is judged by.
    /// - Throws: `ReplacementError`; then nothing has changed.
    @discardableResult
    public func beginReplacement(
        _ wanted: XDPConfiguration? = nil, watching: ReplacementWatch.Settings = ReplacementWatch.Settings()
    ) throws(ReplacementError) -> ReplacementReport {
        guard !isAdopted else { throw .notReconciled }
        guard pendingReplacement == nil else { throw .inProgress }
        let target = replacementTarget(wanted)
        let image = try replacementImage(target)
        guard target.multiBuffer == configuration.multiBuffer else { throw .fixed(setting: "support of jumbo frames") }
        guard FastPath.build(of: image.bytes, target) != fastPath.build else {
            throw .alreadyRunning(digest: image.digest)
        }
        do { try image.check(against: fastPath) } catch { throw .image(error) }
        let start = PacketSampler.clock()
        var sampler = PacketSampler()
        let first = sampler.sample(self, now: start)
        let candidate = try prepareReplacement(target)
        let last = sampler.sample(self, now: PacketSampler.clock())
        try switchPorts(from: fastPath, to: candidate.fastPath)
        var report = candidate.report
        report.switched = PacketSampler.clock()

        let pending = PendingReplacement(
            candidate, former: fastPath, formerConfiguration: configuration, configuration: target, sampler: sampler,
            watch: ReplacementWatch(settings: watching, first: first, last: last, start: last),
            nextSample: report.switched + Self.sampleInterval)
        exchange(with: pending)
        fastPath = candidate.fastPath
        processor = nil
        fastPath.settings.pointee.event_budget = FastPath.eventBudget(target)
        waitForReaders()
        addCounts(of: pending)
        pendingReplacement = pending
        applyCapacities()
        report.counting = PacketSampler.clock() - report.switched
        report.sentence =
            "\(report.new.short) has taken the place of \(report.old.short) and is watched for "
            + "\(watching.window / 1_000_000) ms"
        lastReplacement = report
        return report
    }

    /// Loads another program, and moves into its tables what it does not share, while nothing runs it yet.
    func prepareReplacement(_ target: XDPConfiguration) throws(ReplacementError) -> PreparedReplacement {
        let retentions = try Retentions(self, target)
        let start = PacketSampler.clock()
        let candidate: FastPath
        do { candidate = try FastPath(target, reusing: fastPath) } catch { throw .kernel(error) }
        let prepared = PreparedReplacement(candidate, instead: fastPath)
        let loaded = PacketSampler.clock()
        if candidate.created.contains("flow4") {
            prepared.flows4 = try prepared.moved(
                flows4, into: candidate.flow4, target.ipv4Flows, retentions.flows4, "ipv4_flows")
        }
        if candidate.created.contains("flow6") {
            prepared.flows6 = try prepared.moved(
                flows6, into: candidate.flow6, target.ipv6Flows, retentions.flows6, "ipv6_flows")
        }
        if candidate.created.contains("mac") {
            prepared.macs = try prepared.moved(macs, into: candidate.mac, target.macs, retentions.macs, "macs")
        }
        if candidate.created.contains("routes") {
            prepared.routes = try movedRoutes(to: candidate, &prepared.report.moves)
        }
        prepared.report.loading = loaded - start
        prepared.report.moving = PacketSampler.clock() - loaded
        return prepared
    }

    /// Makes the program that is being tried the one that stays; the old one goes.
    /// - Returns: what to tell.
    /// - Throws: `notInProgress`; `kernel` if it could not be pinned: then it is still being tried.
    @discardableResult
    public func confirmReplacement(_ why: String = "as asked") throws(ReplacementError) -> String {
        guard let pending = pendingReplacement else { throw .notInProgress }
        do { try replacePins() } catch { throw .kernel(error) }
        pendingReplacement = nil
        pendingUpgrade = nil
        configuration = pending.configuration
        applyCapacities()
        return endReplacement(.confirmed, "\(runningProgram.short) stays: \(why)")
    }

    /// Gives every port the old program again, with what moved tables have learned and counted meanwhile; the new one goes.
    /// - Returns: what to tell.
    /// - Throws: `notInProgress`.
    @discardableResult
    public func revertReplacement(_ why: String = "as asked") throws(ReplacementError) -> String {
        guard let pending = pendingReplacement else { throw .notInProgress }
        let tried = fastPath
        pendingReplacement = nil
        // First what no program may find otherwise than it is wanted; all else once packets are forwarded well again.
        exchange(with: pending)
        fastPath = pending.former
        processor = nil
        configuration = pending.formerConfiguration
        let before = realign(with: pending)
        do { try switchPorts(from: tried, to: fastPath) } catch {
            complain("going back to the old program: \(error)")
            forcePorts(to: fastPath)
        }
        let back = PacketSampler.clock()
        fastPath.settings.pointee.event_budget = FastPath.eventBudget(configuration)
        waitForReaders()
        takeBack(pending, from: tried, knowing: before)
        applyCapacities()
        let since = lastReplacement.map { (back - $0.switched) / 1_000_000 } ?? 0
        let taken = lastReplacement?.new.short ?? "the new program"
        return endReplacement(
            .reverted, "\(taken) was taken back after \(since) ms, \(runningProgram.short) forwards again: \(why)")
    }

    // MARK: Watching

    /// How often the program that is being tried is looked at, nanoseconds.
    static var sampleInterval: UInt64 { 50_000_000 }

    /// When `replacementTick` wants to be called next, CLOCK_MONOTONIC in nanoseconds; nil when nothing is being tried.
    public var nextReplacementTick: UInt64? { pendingReplacement?.nextSample }

    /// Looks at what becomes of packets while a program is being tried, and confirms or reverts it when that is settled. To be called
    /// from the owner's thread at `nextReplacementTick`; earlier calls do nothing.
    ///
    /// - Parameter now: CLOCK_MONOTONIC, nanoseconds.
    /// - Returns: what came of it, once; nil before.
    public func replacementTick(now: UInt64) -> ReplacementOutcome? {
        guard let pending = pendingReplacement, now >= pending.nextSample else { return nil }
        pending.nextSample = now + Self.sampleInterval
        switch pending.watch.judge(pending.sampler.sample(self, now: now)) {
        case .watching: return nil
        case .healthy(let text):
            do {
                return .confirmed(try confirmReplacement(text))
            } catch {
                // What cannot be pinned would be gone at the next start.
                return (try? revertReplacement("\(error)")).map { .reverted($0) }
            }
        case .failing(let failure): return (try? revertReplacement(failure.description)).map { .reverted($0) }
        }
    }

    // MARK: Parts

    /// `replacementTick` at this moment.
    public func replacementTick() -> ReplacementOutcome? { replacementTick(now: PacketSampler.clock()) }

    private func replacementTarget(_ wanted: XDPConfiguration?) -> XDPConfiguration {
        guard let wanted else {
            var target = configuration
            target.image = nil
            return target
        }
        var target = wanted
        (target.pinDirectory, target.hashSeed) = (configuration.pinDirectory, configuration.hashSeed)
        (target.aclDefaultDrop, target.aclEntries) = (configuration.aclDefaultDrop, configuration.aclEntries)
        return target
    }

    private func replacementImage(_ target: XDPConfiguration) throws(ReplacementError) -> FastPathImage {
        if let image = target.image { return image }
        do { return try FastPathImage.embedded.get() } catch { throw .image(error) }
    }

    /// Puts moved tables in the place of the present ones, which are then kept in `pending`; and the other way round.
    private func exchange(with pending: PendingReplacement) {
        pending.flows4?.exchange(with: &flows4)
        pending.flows6?.exchange(with: &flows6)
        pending.macs?.exchange(with: &macs)
        if let routes = pending.routes { pending.routes = exchangeRoutes(routes) }
    }

    /// Brings along what the old tables counted until the last program that used them ended.
    private func addCounts(of pending: PendingReplacement) {
        func add<Key>(_ former: FormerTable<Key>?, to table: inout ExactMatchTable<Key>) {
            guard let former else { return }
            table.gracePeriod = gracePeriod
            former.table.gracePeriod = NoReaders()
            // Late counts of moved entries go to where these are.
            do { try former.table.reclaim() } catch { complain("\(error)") }
            table.addCounts(of: former.table, now: now.rawValue) { $0 }
        }
        add(pending.flows4, to: &flows4)
        add(pending.flows6, to: &flows6)
        add(pending.macs, to: &macs)
        if let routes = pending.routes { addRouteCounts(of: routes.records, in: pending.former) }
    }

    /// What moved tables had counted before they are used again.
    private struct CountsBefore {
        var flows4: SlotCounts?
        var flows6: SlotCounts?
        var macs: SlotCounts?
        var routes: [UInt32: Counter] = [:]
    }

    /// Makes tables that no program has used for a while what they must be when one does again: static entries, stations and routes.
    private func realign(with pending: PendingReplacement) -> CountsBefore {
        func align<Key>(
            _ table: inout ExactMatchTable<Key>, _ other: FormerTable<Key>?, where concerns: (ActionWord) -> Bool
        ) -> SlotCounts? {
            guard let other else { return nil }
            do { try table.align(to: other.table, where: concerns) } catch { complain("\(error)") }
            return table.counts()
        }
        var before = CountsBefore()
        before.flows4 = align(&flows4, pending.flows4) { $0.has(ActionWord.isStatic) }
        before.flows6 = align(&flows6, pending.flows6) { $0.has(ActionWord.isStatic) }
        before.macs = align(&macs, pending.macs) { _ in true }
        if pending.routes != nil {
            realignRoutes()
            for record in routeRecords.values { before.routes[record] = Self.routeCount(fastPath, record) }
        }
        return before
    }

    private func takeBack(_ pending: PendingReplacement, from tried: FastPath, knowing before: CountsBefore) {
        let generation = generation.rawValue
        func take<Key>(
            _ table: inout ExactMatchTable<Key>, _ other: FormerTable<Key>?, _ before: SlotCounts?,
            where holds: (ActionWord) -> Bool
        ) {
            guard let other, let before else { return }
            table.gracePeriod = gracePeriod
            other.table.gracePeriod = NoReaders()
            do {
                try other.table.reclaim()
                try table.takeBack(other.table, knowing: before, now: now.rawValue, key: { $0 }) { entry in
                    holds(ActionWord(rawValue: entry.action))
                        ? ExactMatchItem(key: entry.key, action: entry.action) : nil
                }
            } catch {
                complain("\(error)")
            }
        }
        take(&flows4, pending.flows4, before.flows4) { $0.has(ActionWord.isStatic) || $0.generation == generation }
        take(&flows6, pending.flows6, before.flows6) { $0.has(ActionWord.isStatic) || $0.generation == generation }
        take(&macs, pending.macs, before.macs) { _ in true }
        if let routes = pending.routes { addRouteCounts(of: routes.records, in: tried, knowing: before.routes) }
    }

    /// The numbers of entries that tables take now: while a program is being tried, no more than either program has room for.
    private func applyCapacities() {
        var present = configuration
        if let pending = pendingReplacement {
            present = pending.configuration
            present.ipv4Flows = min(present.ipv4Flows, pending.formerConfiguration.ipv4Flows)
            present.ipv6Flows = min(present.ipv6Flows, pending.formerConfiguration.ipv6Flows)
            present.macs = min(present.macs, pending.formerConfiguration.macs)
            present.routes = min(present.routes, pending.formerConfiguration.routes)
        }
        configuration = present
        (flows4.capacity, flows6.capacity, macs.capacity) = (present.ipv4Flows, present.ipv6Flows, present.macs)
        state.setCapacity(present.ipv4Flows + present.ipv6Flows, of: .flowCache)
        state.setCapacity(present.macs, of: .mac)
        state.setCapacity(present.routes, of: .ipv4)
        state.setCapacity(present.routes, of: .ipv6)
    }

    private func endReplacement(_ state: ReplacementReport.State, _ sentence: String) -> String {
        lastReplacement?.state = state
        lastReplacement?.ended = PacketSampler.clock()
        lastReplacement?.sentence = sentence
        return sentence
    }
}
