// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import XDPDataPlane

/// Samples as a program would leave them: packets of each kind added up, one sample every 50 ms.
private struct Course {
    var sample = ReplacementWatch.Sample(time: 7_000_000_000)

    mutating func next(
        forwarded: UInt64 = 0, dropped: UInt64 = 0, missed: UInt64 = 0, silent: UInt64 = 0, joined: Bool = false,
        milliseconds: UInt64 = 50
    ) -> ReplacementWatch.Sample {
        let accounted = forwarded + dropped + missed
        sample.time += milliseconds * 1_000_000
        sample.arrived += accounted + silent
        sample.accounted += accounted
        if !joined {
            sample.arrivedSingly += accounted + silent
            sample.accountedSingly += accounted
        }
        sample.dropped += dropped
        sample.missed += missed
        return sample
    }
}

@Suite("A new program is judged by what becomes of packets")
struct ReplacementWatchTests {
    typealias Failure = ReplacementWatch.Failure

    /// A watch after a quarter second of traffic, and the course that goes on.
    private func watch(
        _ settings: ReplacementWatch.Settings = .init(),
        before: (inout Course) -> ReplacementWatch.Sample = { $0.next(forwarded: 1000, milliseconds: 250) }
    ) -> (ReplacementWatch, Course) {
        var course = Course()
        let first = course.sample
        let last = before(&course)
        return (ReplacementWatch(settings: settings, first: first, last: last, start: last), course)
    }

    /// Feeds samples until the watch has made up its mind; what it says, and after how many milliseconds.
    private func follow(
        _ watch: inout ReplacementWatch, _ course: inout Course, steps: Int = 100,
        _ step: (inout Course, Int) -> ReplacementWatch.Sample
    ) -> (ReplacementWatch.Judgement, Int) {
        for number in 1...steps {
            let judgement = watch.judge(step(&course, number))
            if judgement != .watching { return (judgement, number * 50) }
        }
        return (.watching, steps * 50)
    }

    @Test("healthy when the window is over and nothing has changed")
    func healthy() {
        var (watch, course) = watch()
        let (judgement, after) = follow(&watch, &course) { course, _ in course.next(forwarded: 200) }
        #expect(after == 3000)
        #expect(
            judgement
                == .healthy(
                    "of 12000 packets in 3000 ms 0.0 % were dropped and 0.0 % left to the kernel; 0.0 % and 0.0 % before"
                ))
    }

    @Test("a jump is found in little more than half a second, and the sentence has both shares and the threshold")
    func jumps() {
        for (kind, words) in [
            (Failure.Kind.drops, "packets dropped"), (.misses, "packets left to the kernel"),
            (.unaccounted, "packets that arrived and were not accounted for"),
        ] {
            for begin in [0, 20, 50] {
                var (watch, course) = watch()
                let (judgement, after) = follow(&watch, &course) { course, step in
                    if step <= begin { return course.next(forwarded: 200) }
                    return switch kind {
                    case .drops: course.next(forwarded: 160, dropped: 40)
                    case .misses: course.next(forwarded: 160, missed: 40)
                    case .unaccounted: course.next(forwarded: 160, silent: 40)
                    }
                }
                guard case .failing(let failure) = judgement else {
                    Issue.record("\(kind) from step \(begin): \(judgement)")
                    continue
                }
                #expect(failure.kind == kind && failure.before == 0 && failure.now > 0.1 && failure.now <= 0.2)
                #expect(after - begin * 50 <= 550, "\(kind) from step \(begin)")
                #expect(failure.after == UInt64(after) * 1_000_000)
                let text = failure.description
                #expect(text.contains(words) && text.contains("10 percentage points"), "\(text)")
                #expect(text.contains("0.0 % before"), "\(text)")
            }
        }
    }

    @Test("a share that was there before is no jump, one that rises by more than the threshold above it is")
    func sharesBefore() {
        func outcome(_ dropped: UInt64) -> ReplacementWatch.Judgement {
            var (watch, course) = watch { $0.next(forwarded: 700, dropped: 300, milliseconds: 250) }
            return follow(&watch, &course) { course, _ in course.next(forwarded: 200 - dropped, dropped: dropped) }.0
        }
        if case .failing(let failure) = outcome(78) { Issue.record("\(failure)") }
        guard case .failing(let failure) = outcome(84) else {
            Issue.record("30 % before, 42 % now")
            return
        }
        #expect(failure.description.contains("30.0 % before") && failure.description.contains("42.0 % of"))
    }

    @Test("one odd sample is not enough")
    func confirmation() {
        var (watch, course) = watch()
        let (judgement, _) = follow(&watch, &course) { course, step in
            // A burst of drops that is a ninth of what the first samples hold, and then no more.
            step == 1 ? course.next(forwarded: 85, dropped: 15) : course.next(forwarded: 200)
        }
        guard case .healthy = judgement else {
            Issue.record("\(judgement)")
            return
        }
    }

    @Test("few packets are not judged; they are waited for, and judged together")
    func fewPackets() {
        var (watch, course) = watch()
        let (idle, after) = follow(&watch, &course) { course, _ in course.next(dropped: 1) }
        #expect(idle == .healthy("60 packets came in 3000 ms, too few to judge it by") && after == 3000)

        (watch, course) = self.watch()
        let (slow, when) = follow(&watch, &course) { course, _ in course.next(dropped: 4) }
        guard case .failing(let failure) = slow else {
            Issue.record("\(slow)")
            return
        }
        #expect(failure.packets >= 100 && when <= 1300)
    }

    @Test("no traffic at all is healthy")
    func silence() {
        var (watch, course) = watch { $0.next(milliseconds: 250) }
        let (judgement, _) = follow(&watch, &course) { course, _ in course.next() }
        #expect(judgement == .healthy("0 packets came in 3000 ms, too few to judge it by"))
    }

    @Test("with too few packets just before, all there have been are compared with; with none at all, any jump counts")
    func idleBefore() {
        var course = Course()
        course.sample.dropped = 400
        course.sample.accounted = 1000
        // Frames from before the program was attached say nothing of it.
        course.sample.arrived = 1_000_000
        course.sample.arrivedSingly = 1_000_000
        let last = course.sample
        var watch = ReplacementWatch(first: last, last: last, start: last)
        #expect(watch.packetsBefore == 1000 && watch.before.dropped == 0.4 && watch.before.unaccounted == 0)
        let (judgement, _) = follow(&watch, &course) { course, _ in course.next(forwarded: 120, dropped: 80) }
        guard case .healthy = judgement else {
            Issue.record("\(judgement)")
            return
        }
        var (fresh, after) = self.watch { $0.next(forwarded: 5) }
        guard case .failing(let failure) = follow(&fresh, &after, { course, _ in course.next(missed: 200) }).0 else {
            Issue.record("everything missed")
            return
        }
        #expect(failure.packetsBefore == 0 && failure.description.contains("too few packets before"))
    }

    @Test("packets on their way between interface and program are not missing")
    func onTheWay() {
        var (watch, course) = watch()
        var late: UInt64 = 0
        let (judgement, _) = follow(&watch, &course) { course, step in
            // Each time up to 250 packets have arrived that the program sees only later.
            let waiting: UInt64 = step % 2 == 0 ? 250 : 50
            var sample = course.next(forwarded: 200 + late - waiting)
            sample.arrived += waiting
            sample.arrivedSingly += waiting
            late = waiting
            return sample
        }
        guard case .healthy = judgement else {
            Issue.record("\(judgement)")
            return
        }
    }

    @Test("where interfaces join frames, only a program that accounts for nothing at all is told from one that works")
    func joinedFrames() {
        var (watch, course) = watch { $0.next(forwarded: 1000, joined: true, milliseconds: 250) }
        let (fine, _) = follow(&watch, &course) { course, _ in course.next(forwarded: 10, silent: 400, joined: true) }
        guard case .healthy = fine else {
            Issue.record("\(fine)")
            return
        }
        (watch, course) = self.watch { $0.next(forwarded: 1000, joined: true, milliseconds: 250) }
        let (silent, after) = follow(&watch, &course) { course, _ in course.next(silent: 200, joined: true) }
        guard case .failing(let failure) = silent else {
            Issue.record("\(silent)")
            return
        }
        #expect(failure.kind == .unaccounted && failure.now == 1 && after <= 200)
    }

    @Test("counters that an interface took along do not confuse it")
    func interfaceGone() {
        var (watch, course) = watch()
        let (judgement, _) = follow(&watch, &course) { course, step in
            if step == 10 { (course.sample.arrived, course.sample.arrivedSingly) = (0, 0) }
            return course.next(forwarded: 200)
        }
        guard case .healthy = judgement else {
            Issue.record("\(judgement)")
            return
        }
    }

    @Test("window, threshold, span and least number are settings")
    func settings() {
        var settings = ReplacementWatch.Settings()
        (settings.window, settings.threshold, settings.minimumPackets) = (500_000_000, 0.5, 10)
        (settings.span, settings.confirmations) = (100_000_000, 1)
        var (watch, course) = watch(settings)
        let (judgement, after) = follow(&watch, &course) { course, _ in course.next(forwarded: 60, dropped: 40) }
        guard case .healthy = judgement else {
            Issue.record("\(judgement)")
            return
        }
        #expect(after == 500)
        (watch, course) = self.watch(settings)
        let (failing, when) = follow(&watch, &course) { course, _ in course.next(forwarded: 4, dropped: 6) }
        guard case .failing(let failure) = failing else {
            Issue.record("\(failing)")
            return
        }
        #expect(when == 50 && failure.description.contains("50 percentage points"))
    }
}
