"""What can be done with lessons and their notices; each verb has a module of its own."""

from service.lessons.confirm import CONFIRM, CONFIRM_BY_SILENCE, ConfirmLesson
from service.lessons.dispute import DISPUTE, RULE, DisputeLesson, RuleOnDispute
from service.lessons.found import Found, LessonKey
from service.lessons.notices import COUNT_DEADLINE, DELIVER, FETCH, DeliverNotice, FetchNotices
from service.lessons.record import RECORD, RecordLesson
from service.lessons.reverse import REVERSE, ReverseLesson
from service.lessons.schedule import SCHEDULE, ScheduleLesson
from service.lessons.withdraw import CANCEL, VOID, CancelLesson, VoidLesson

__all__ = [
    "CANCEL",
    "CONFIRM",
    "CONFIRM_BY_SILENCE",
    "COUNT_DEADLINE",
    "DELIVER",
    "DISPUTE",
    "FETCH",
    "RECORD",
    "REVERSE",
    "RULE",
    "SCHEDULE",
    "VOID",
    "CancelLesson",
    "ConfirmLesson",
    "DeliverNotice",
    "DisputeLesson",
    "FetchNotices",
    "Found",
    "LessonKey",
    "RecordLesson",
    "ReverseLesson",
    "RuleOnDispute",
    "ScheduleLesson",
    "VoidLesson",
]
