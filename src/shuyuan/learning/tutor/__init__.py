"""The tutor beside one open question: a hint at once, then a model's sentences, each past the guard.

Owns the conversation, its sealed transcript and the guard. Data flow: message → may it answer? (test, exam, class)
→ next hint of the ladder → passages of the lesson → model → sentence → guard → page; question and answer are
stored for the learner and their teachers. It listens to
`gateway.harm_signs` and shows signs of harm to the person the school named, administrators and the class's teachers.
Emits nothing. Refuses to give the final answer of an open question,
to mark, and to let a model speak where a teacher or the age line switched it off: then the hints answer.
"""
