"""Knowledge distillation: a smaller student learns what the teacher answers, not only what is right."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from shuyuan.maas.compression import method, recovery

Widths = tuple[int, ...]


class Config(method.Config):
    """The student and its lessons."""

    student: Literal["auto", "narrow", "mlp", "convnet"] = Field(
        "auto",
        description="narrow: the teacher's form with fewer units; auto: narrow where it can be, else convnet or mlp",
    )
    widths: Widths = Field(
        (), max_length=8, description="Units of each hidden layer of an mlp or convnet; empty: 64 or 16, 32"
    )
    share: float = Field(0.25, gt=0, lt=1, description="narrow: share of the teacher's units that the student has")
    epochs: int = Field(30, ge=1, le=1000, description="Passes over the training part")
    rate: float = Field(3e-3, gt=0, le=1, description="Learning rate at its highest")
    temperature: float = Field(2.0, ge=1, le=20, description="How soft the teacher's answers are made")
    share_of_truth: float = Field(0.3, ge=0, le=1, description="Of the loss, where labels are known")


class Distillation(method.Method[Config]):
    """Any version that predicts can be a teacher: an imported forest as well as a net."""

    NAME = "distil"
    TITLE: ClassVar[method.Words] = {"en": "Teach a smaller student", "zh": "知识蒸馏（教一个小模型）"}
    WHAT: ClassVar[method.Words] = {
        "en": "A small net learns the teacher's soft answers on your data: as small as you choose, often within a "
        "point. Pays when the teacher is a large net or a forest and there are thousands of rows, labels or "
        "not.",
        "zh": "小网络在你的数据上学习大模型的软答案：大小自选，常常只差一个点。适合老师模型很大、数据有几千行的情况，"
        "有无标签都可以。",
    }
    SOURCE = "Hinton, Vinyals & Dean (2015), Distilling the knowledge in a neural network"
    CONFIG = Config
    NEEDS = ("data", "torch")

    def run(self, work: method.Work, config: Config) -> method.Child:
        from shuyuan.maas.compression import opening, students

        teacher = opening.Model(work.model, threads=work.threads)
        output = teacher.output_of(work.spec)
        feeds = work.examples().feeds
        width = int(teacher.run([output], {n: a[:1] for n, a in feeds.items()})[0].reshape(1, -1).shape[1])
        kind, net = students.build(work, config.student, config.widths, config.share, feeds, output, width)
        notes = recovery.win_back(
            work,
            net,
            config.epochs,
            rate=config.rate,
            temperature=config.temperature,
            share_of_truth=config.share_of_truth,
        )
        out = work.folder / "child.onnx"
        out.write_bytes(net.to_bytes())
        recovery.require_smaller(work.model.stat().st_size, out.stat().st_size, f"a student ({kind})")
        spec: dict[str, Any] = {"output": output, "batch": True} if kind != "narrow" else {}  # Any: JSON
        return method.Child(out, spec=spec, notes=(f"student: {kind}", *notes))
