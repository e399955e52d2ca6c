"""The model workshop: data sets, runs, reports, models, pipelines and the lab, one file a family of pages."""
